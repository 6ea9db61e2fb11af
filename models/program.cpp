#include "models/program.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/lower_graph.h>

#include <map>

#include "models/classifier.h"
#include "models/eval_mode.h"
#include "models/kernels/kernels.h"
#include "models/make_model.h"

namespace skipzoo {

namespace jit = torch::jit;

namespace {

/// What fills a graph's input of that name, or null.
torch::Tensor* find(NamedTensors& tensors, const std::string& name) {
  for (auto& entry : tensors) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

std::string without(const std::string& name, const std::string& ending) {
  return name.ends_with(ending) ? name.substr(0, name.size() - ending.size())
                                : name;
}

/// A BatchNorm of evaluation as y = scale * x + shift, in double.
struct Affine {
  torch::Tensor scale;
  torch::Tensor shift;
};
Affine affine_of(NamedTensors& tensors, const jit::Node& norm) {
  const auto number = [&](size_t i) {
    return find(tensors, norm.input(i)->debugName())->to(torch::kDouble);
  };
  const auto eps = jit::toIValue(norm.input(7))->toDouble();
  const auto scale = number(1) / (number(4) + eps).sqrt();
  return {scale, number(2) - number(3) * scale};
}

/// Whether `norm` has weights of its own and is all that reads `conv`, a
/// convolution of images whose weights nothing else uses.
bool can_fold(Program& program, const jit::Node& conv, const jit::Node& norm) {
  if (conv.kind() != at::aten::_convolution ||
      conv.output()->uses().size() != 1 ||
      jit::toIValue(conv.input(6))->toBool()) {  // Transposed.
    return false;
  }
  const auto own = [&](const jit::Value* value) {
    return value->uses().size() == 1 &&
           find(program.tensors, value->debugName()) != nullptr;
  };
  for (size_t i = 1; i <= 4; ++i) {
    if (!own(norm.input(i))) return false;
  }
  const auto bias = jit::toIValue(conv.input(2));
  return own(conv.input(1)) &&
         ((bias && bias->isNone()) || own(conv.input(2))) &&
         find(program.tensors, conv.input(1)->debugName())->dim() == 4;
}

/// The parameter, one number or one for each channel, that `value` is with
/// dimensions of one behind it; null where it is no such thing.
torch::Tensor* factor_of(NamedTensors& tensors, const jit::Value* value) {
  while (value->node()->kind() == at::aten::unsqueeze) {
    if (jit::toIValue(value->node()->input(1))->toInt() != -1) return nullptr;
    value = value->node()->input(0);
  }
  auto* tensor = find(tensors, value->debugName());
  return tensor != nullptr && tensor->dim() == 1 ? tensor : nullptr;
}

/// Puts a factor on a convolution's output into it, where `product` is all that
/// reads that.
void fold_factor(Program& program, jit::Node* product) {
  jit::Node* conv = product->input(0)->node();
  const auto* factor = factor_of(program.tensors, product->input(1));
  if (factor == nullptr || conv->kind() != at::aten::_convolution ||
      conv->output()->uses().size() != 1) {
    return;
  }
  const auto* behind = product->input(1)->node();
  const bool is_by_channel =
      behind->kind() == at::aten::unsqueeze &&
      behind->input(0)->node()->kind() == at::aten::unsqueeze;
  auto* weight = find(program.tensors, conv->input(1)->debugName());
  auto* bias = find(program.tensors, conv->input(2)->debugName());
  const auto own = [](const jit::Value* value) {
    return value->uses().size() == 1;
  };
  if ((factor->numel() > 1 && !is_by_channel) || weight == nullptr ||
      bias == nullptr || !own(conv->input(1)) || !own(conv->input(2))) {
    return;
  }
  const auto by = factor->to(torch::kDouble);
  const auto type = weight->scalar_type();
  *weight = (weight->to(torch::kDouble) * by.view({-1, 1, 1, 1})).to(type);
  *bias = (bias->to(torch::kDouble) * by).to(type);
  product->output()->replaceAllUsesWith(conv->output());
  product->destroy();
}

/// Puts the affine map of `norm` into the convolution it reads.
void fold(Program& program, jit::Node* conv, jit::Node* norm) {
  const auto affine = affine_of(program.tensors, *norm);
  const std::string name = conv->input(1)->debugName();
  torch::Tensor& weight = *find(program.tensors, name);
  const auto type = weight.scalar_type();
  weight =
      (weight.to(torch::kDouble) * affine.scale.view({-1, 1, 1, 1})).to(type);
  const std::string bias_name = without(name, "weight") + "bias";
  if (auto* bias = find(program.tensors, bias_name)) {
    *bias = (bias->to(torch::kDouble) * affine.scale + affine.shift).to(type);
  } else {
    const auto after =
        std::find_if(program.tensors.begin(), program.tensors.end(),
                     [&](const auto& entry) { return entry.first == name; });
    program.tensors.emplace(after + 1, bias_name, affine.shift.to(type));
    jit::Value* input = program.graph->addInput(bias_name);
    input->setType(at::TensorType::create(affine.shift.to(type)));
    conv->replaceInput(2, input);
  }
  const auto module = without(norm->input(1)->debugName(), "weight");
  std::erase_if(program.tensors, [&](const auto& entry) {
    return entry.first.starts_with(module);
  });
  norm->output()->replaceAllUsesWith(conv->output());
  norm->destroy();
}

}  // namespace

Program trace(NamedTensors tensors,
              const std::function<torch::Tensor(const torch::Tensor&)>& forward,
              const torch::Tensor& example) {
  const torch::NoGradGuard no_grad;
  const ReferenceOnly reference_only;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::DispatchKeySet(
      {c10::DispatchKey::AutocastCPU, c10::DispatchKey::AutocastCUDA}));
  Program program;
  program.tensors = std::move(tensors);
  // A flat stand-in for the network: its attributes are inputs once the graph
  // is lowered, and get their names there.
  jit::Module mirror("__torch__.Traced",
                     std::make_shared<jit::CompilationUnit>());
  std::map<const c10::TensorImpl*, std::string> names;
  for (const auto& [name, tensor] : program.tensors) {
    mirror.register_parameter("t" + std::to_string(names.size()), tensor,
                              /*is_buffer=*/true);
    names[tensor.unsafeGetTensorImpl()] = name;
  }
  const auto traced = jit::tracer::trace(
      {example},
      [&](jit::Stack stack) -> jit::Stack {
        return {forward(stack.front().toTensor())};
      },
      [](const torch::Tensor&) { return std::string(); },
      /*strict=*/true, /*force_outplace=*/true, &mirror, {"input"});
  auto [graph, values] =
      jit::LowerGraph(*traced.first->graph, mirror._ivalue());
  program.graph = graph;
  const size_t first = graph->inputs().size() - values.size();
  for (size_t i = 0; i < values.size(); ++i) {
    const auto* tensor = values[i].toTensor().unsafeGetTensorImpl();
    graph->inputs()[first + i]->setDebugName(names.at(tensor));
  }
  return program;
}

void fold_batch_norms(Program& program) {
  const torch::NoGradGuard no_grad;
  for (auto it = program.graph->nodes().begin();
       it != program.graph->nodes().end();) {
    jit::Node* norm = *it++;
    if (norm->kind() != at::aten::batch_norm) continue;
    jit::Node* conv = norm->input(0)->node();
    if (can_fold(program, *conv, *norm)) fold(program, conv, norm);
  }
  for (auto it = program.graph->nodes().begin();
       it != program.graph->nodes().end();) {
    jit::Node* product = *it++;
    if (product->kind() == at::aten::mul) fold_factor(program, product);
  }
  for (auto it = program.graph->nodes().rbegin();
       it != program.graph->nodes().rend();) {
    jit::Node* view = *it++;
    if (view->kind() == at::aten::unsqueeze && !view->output()->hasUses()) {
      view->destroy();
    }
  }
  for (size_t i = program.graph->inputs().size(); i-- > 1;) {
    if (!program.graph->inputs()[i]->hasUses()) program.graph->eraseInput(i);
  }
}

Program folded_program(Classifier& model, const torch::Tensor& images) {
  const EvalMode eval(model);
  Program program = trace(
      state_dict(model),
      [&](const torch::Tensor& x) { return model.forward(x); },
      torch::zeros_like(images.narrow(0, 0, 1)));
  fold_batch_norms(program);
  return program;
}

}  // namespace skipzoo
