#include "models/engine_plan.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/jit/ir/constants.h>

#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "models/kernels/conv3x3.h"
#include "models/kernels/inference.h"
#include "models/kernels/pointwise.h"

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

/// Turns the nodes of a graph, in their order, into steps. Several become one
/// where an operator does them together.
class PlanBuilder {
 public:
  PlanBuilder(const Program& program, EnginePlan& plan);
  void build();

 private:
  using Slots = EnginePlan::Slots;
  using Step = EnginePlan::Step;

  /// relu(scale * source + offset), left to whoever reads it.
  struct Activation {
    const jit::Value* source;
    Tensor scale, offset;
  };
  /// Where a value lies in the buffer of a dense block.
  struct Place {
    size_t buffer;  ///< Slot.
    int64_t channel;
    int64_t width;  ///< Of the buffer.
  };
  struct Convolution {
    Tensor weight, bias;
    PackedConvolution::Shape shape;
  };
  /// What a convolution does behind itself.
  struct Ending {
    const jit::Value* output;
    bool relu = false;
  };

  const jit::Node* only_user(const jit::Value* value) const;
  bool is_constant(const jit::Value* value) const {
    return constants_.contains(value);
  }
  const c10::IValue& constant(const jit::Value* value) const {
    return constants_.at(value);
  }
  size_t slot(const jit::Value* value);
  void add_step(Step step, const std::vector<size_t>& reads);

  void find_dense_blocks();
  bool is_dense_convolution(const Convolution& conv) const;
  Convolution read_convolution(const jit::Node* node) const;
  Ending ending_of(const jit::Node* node);

  void visit(const jit::Node* node);
  void visit_constant(const jit::Node* node);
  void visit_constant_list(const jit::Node* node);
  void visit_list(const jit::Node* node);
  void visit_norm(const jit::Node* node);
  void visit_convolution(const jit::Node* node);
  void visit_add(const jit::Node* node);
  void visit_other(const jit::Node* node);

  void emit_convolution(const jit::Node* node, const jit::Value* added,
                        const Ending& ending);
  void emit_dense_convolution(const Convolution& conv, const jit::Value* input,
                              const Ending& ending);
  size_t emit_activation(const Activation& activation, const jit::Value* as);
  void place(const jit::Value* value);
  bool may_overwrite(const jit::Value* value, const jit::Node* reader) const;

  const Program& program_;
  EnginePlan& plan_;
  std::unordered_map<const jit::Value*, c10::IValue> constants_;
  std::unordered_map<const jit::Value*, size_t> slots_;
  std::vector<std::vector<size_t>> reads_;  ///< Of each step.
  std::set<const jit::Node*> consumed_;
  std::unordered_map<const jit::Value*, Activation> activations_;
  std::unordered_map<const jit::Value*, Place> places_;
  std::unordered_map<const jit::Value*, const jit::Node*> pending_;
  std::set<const jit::Value*> ready_;
  std::set<const jit::Value*> own_memory_;
};

PlanBuilder::PlanBuilder(const Program& program, EnginePlan& plan)
    : program_(program), plan_(plan) {}

const jit::Node* PlanBuilder::only_user(const jit::Value* value) const {
  return value->uses().size() == 1 ? value->uses()[0].user : nullptr;
}

size_t PlanBuilder::slot(const jit::Value* value) {
  const auto [found, is_new] = slots_.emplace(value, plan_.initial_.size());
  if (is_new) {
    plan_.initial_.push_back(is_constant(value) ? constant(value)
                                                : c10::IValue());
  }
  return found->second;
}

void PlanBuilder::add_step(Step step, const std::vector<size_t>& reads) {
  plan_.steps_.push_back(std::move(step));
  reads_.push_back(reads);
}

void PlanBuilder::build() {
  const auto inputs = program_.graph->inputs();
  slot(inputs[0]);
  ready_.insert(inputs[0]);
  std::map<std::string, Tensor> tensors(program_.tensors.begin(),
                                        program_.tensors.end());
  for (size_t i = 1; i < inputs.size(); ++i) {
    constants_[inputs[i]] = tensors.at(inputs[i]->debugName());
  }
  // Constants first: a convolution looks at what stands behind it.
  for (const jit::Node* node : program_.graph->nodes()) {
    if (node->kind() == c10::prim::Constant) visit_constant(node);
    if (node->kind() == c10::prim::ListConstruct) visit_constant_list(node);
  }
  find_dense_blocks();
  for (const jit::Node* node : program_.graph->nodes()) {
    if (is_constant(node->outputs().empty() ? nullptr : node->output())) continue;
    if (!consumed_.contains(node)) visit(node);
  }
  plan_.output_ = slot(program_.graph->outputs()[0]);
  // A slot is let go behind its last reader, so that memory goes round.
  std::map<size_t, size_t> last;
  for (size_t i = 0; i < reads_.size(); ++i) {
    for (const size_t read : reads_[i]) last[read] = i;
  }
  plan_.done_.resize(plan_.steps_.size());
  for (const auto& [read, step] : last) {
    if (read != plan_.output_ && plan_.initial_[read].isNone()) {
      plan_.done_[step].push_back(read);
    }
  }
}

void PlanBuilder::visit(const jit::Node* node) {
  if (node->kind() == c10::prim::ListConstruct) {
    visit_list(node);
  } else if (node->kind() == at::aten::batch_norm) {
    visit_norm(node);
  } else if (node->kind() == at::aten::_convolution) {
    visit_convolution(node);
  } else if (node->kind() == at::aten::add) {
    visit_add(node);
  } else if (node->kind() == at::aten::cat &&
             places_.contains(node->output())) {
    // It is there already: the first channels of the block's buffer.
    const Place place = places_.at(node->output());
    const size_t to = slot(node->output());
    add_step(
        [place, to](Slots& slots) {
          slots[to] =
              slots[place.buffer].toTensor().narrow(1, 0, place.channel);
        },
        {place.buffer});
    ready_.insert(node->output());
  } else {
    visit_other(node);
  }
}

void PlanBuilder::visit_constant(const jit::Node* node) {
  const auto value = jit::toIValue(node->output());
  constants_[node->output()] = value ? *value : c10::IValue();
}

void PlanBuilder::visit_constant_list(const jit::Node* node) {
  const auto type = node->output()->type()->expect<c10::ListType>();
  c10::impl::GenericList list(type->getElementType());
  for (const auto* input : node->inputs()) {
    if (!is_constant(input)) return;
    list.push_back(constant(input));
  }
  constants_[node->output()] = list;
}

void PlanBuilder::visit_list(const jit::Node* node) {
  const auto inputs = node->inputs();
  const auto element =
      node->output()->type()->expect<c10::ListType>()->getElementType();
  std::vector<size_t> reads;
  // The parts of a buffer are never listed.
  const auto* user = only_user(node->output());
  if (user != nullptr && places_.contains(user->output())) return;
  for (const auto* input : inputs) reads.push_back(slot(input));
  const size_t to = slot(node->output());
  add_step(
      [reads, to, element](Slots& slots) {
        c10::impl::GenericList list(element);
        for (const size_t read : reads) list.push_back(slots[read]);
        slots[to] = list;
      },
      reads);
}

/// A dense block leaves concatenations each of which begins with the one before
/// it. The longest becomes a buffer that the others are the beginning of.
void PlanBuilder::find_dense_blocks() {
  std::map<const jit::Value*, std::vector<const jit::Node*>> by_first;
  for (const jit::Node* node : program_.graph->nodes()) {
    if (node->kind() != at::aten::cat) continue;
    const auto* list = node->input(0)->node();
    if (list->kind() != c10::prim::ListConstruct || list->inputs().empty()) {
      continue;
    }
    by_first[list->input(0)].push_back(node);
  }
  for (const auto& [first, cats] : by_first) {
    const auto parts = [](const jit::Node* cat) {
      return cat->input(0)->node()->inputs();
    };
    const jit::Node* longest = cats.front();
    for (const auto* cat : cats) {
      if (parts(cat).size() > parts(longest).size()) longest = cat;
    }
    bool fits = true;
    for (const auto* cat : cats) {
      fits = fits && std::equal(parts(cat).begin(), parts(cat).end(),
                                parts(longest).begin());
    }
    const auto channels = [](const jit::Value* value) -> int64_t {
      const auto type = value->type()->cast<at::TensorType>();
      const auto sizes = type ? type->sizes().concrete_sizes() : std::nullopt;
      return sizes && sizes->size() == 4 ? (*sizes)[1] : 0;
    };
    std::map<size_t, int64_t> width_of;  // By number of parts.
    int64_t width = 0;
    for (const auto* part : parts(longest)) {
      fits = fits && channels(part) > 0 && !places_.contains(part);
      width += channels(part);
      width_of[width_of.size() + 1] = width;
    }
    if (!fits) continue;
    const size_t buffer = plan_.initial_.size();
    plan_.initial_.emplace_back();
    int64_t channel = 0;
    for (const auto* part : parts(longest)) {
      places_[part] = {buffer, channel, width};
      channel += channels(part);
    }
    for (const auto* cat : cats) {
      places_[cat->output()] = {buffer, width_of[parts(cat).size()], width};
    }
  }
}

/// Copies a value that is part of a dense block into its buffer.
void PlanBuilder::place(const jit::Value* value) {
  ready_.insert(value);
  const auto found = places_.find(value);
  if (found == places_.end()) return;
  const Place place = found->second;
  const size_t from = slot(value);
  add_step(
      [place, from](Slots& slots) {
        const Tensor x = slots[from].toTensor();
        if (place.channel == 0) {
          slots[place.buffer] =
              torch::empty({x.size(0), place.width, x.size(2), x.size(3)},
                           x.options(), at::MemoryFormat::ChannelsLast);
        }
        copy_channels(x.contiguous(at::MemoryFormat::ChannelsLast),
                      slots[place.buffer].toTensor(), place.channel);
      },
      {from, place.buffer});
}

PlanBuilder::Convolution PlanBuilder::read_convolution(
    const jit::Node* node) const {
  const auto numbers = [&](size_t i) {
    return constant(node->input(i)).toIntVector();
  };
  Convolution conv;
  conv.weight = constant(node->input(1))
                    .toTensor()
                    .detach()
                    .to(plan_.type_)
                    .contiguous(at::MemoryFormat::ChannelsLast);
  const auto& bias = constant(node->input(2));
  if (bias.isTensor()) conv.bias = bias.toTensor().detach();
  conv.shape = {.padding = numbers(4),
                .stride = numbers(3),
                .dilation = numbers(5),
                .groups = constant(node->input(8)).toInt()};
  return conv;
}

bool PlanBuilder::is_dense_convolution(const Convolution& conv) const {
  const auto all = [](const std::vector<int64_t>& values, int64_t value) {
    return std::all_of(values.begin(), values.end(),
                       [&](int64_t v) { return v == value; });
  };
  const int64_t side = conv.weight.size(2);
  return (side == 1 || side == 3) && conv.weight.size(3) == side &&
         all(conv.shape.padding, side / 2) && all(conv.shape.stride, 1) &&
         all(conv.shape.dilation, 1) && conv.shape.groups == 1;
}

PlanBuilder::Ending PlanBuilder::ending_of(const jit::Node* node) {
  const auto* user = only_user(node->output());
  if (user == nullptr || user->kind() != at::aten::relu) {
    return {node->output(), false};
  }
  consumed_.insert(user);
  return {user->output(), true};
}

void PlanBuilder::visit_norm(const jit::Node* node) {
  const auto number = [&](size_t i) {
    return constant(node->input(i)).toTensor().to(torch::kDouble);
  };
  const auto* relu = only_user(node->output());
  if (relu == nullptr || relu->kind() != at::aten::relu) {
    visit_other(node);
    return;
  }
  consumed_.insert(relu);
  const auto scale =
      number(1) / (number(4) + constant(node->input(7)).toDouble()).sqrt();
  const Activation activation{
      node->input(0), scale.to(torch::kFloat),
      (number(2) - number(3) * scale).to(torch::kFloat)};
  const auto* user = only_user(relu->output());
  if (user != nullptr && user->kind() == at::aten::_convolution) {
    activations_[relu->output()] = activation;
  } else {
    emit_activation(activation, relu->output());
  }
}

size_t PlanBuilder::emit_activation(const Activation& activation,
                                    const jit::Value* as) {
  const size_t from = slot(activation.source), to = slot(as);
  add_step(
      [from, to, activation](Slots& slots) {
        slots[to] = affine_relu(slots[from].toTensor(), activation.scale,
                                activation.offset);
      },
      {from});
  ready_.insert(as);
  own_memory_.insert(as);
  return to;
}

void PlanBuilder::visit_convolution(const jit::Node* node) {
  const auto* user = only_user(node->output());
  if (user != nullptr && user->kind() == at::aten::add) {
    const auto* other = user->input(user->input(0) == node->output() ? 1 : 0);
    if (other != node->output() && constant(user->input(2)).toInt() == 1) {
      pending_[node->output()] = node;  // Done together with the addition.
      return;
    }
  }
  emit_convolution(node, nullptr, ending_of(node));
}

void PlanBuilder::visit_add(const jit::Node* node) {
  const jit::Value* a = node->input(0);
  const jit::Value* b = node->input(1);
  if (!pending_.contains(b)) std::swap(a, b);
  if (!pending_.contains(b)) {
    visit_other(node);
    return;
  }
  if (pending_.contains(a)) {
    emit_convolution(pending_.at(a), nullptr, {a, false});
  }
  const auto ending = ending_of(node);
  emit_convolution(pending_.at(b), a, ending);
}

/// Whether what is only read by `reader` from here on may be written over.
bool PlanBuilder::may_overwrite(const jit::Value* value,
                                const jit::Node* reader) const {
  if (!own_memory_.contains(value) || places_.contains(value)) return false;
  for (const auto& use : value->uses()) {
    if (use.user != reader && !use.user->isBefore(reader)) return false;
    if (use.user != reader && use.user->kind() == at::aten::_convolution &&
        pending_.contains(use.user->output()) &&
        !ready_.contains(use.user->output())) {
      return false;
    }
  }
  return true;
}

void PlanBuilder::emit_dense_convolution(const Convolution& conv,
                                         const jit::Value* input,
                                         const Ending& ending) {
  const auto found = activations_.find(input);
  const bool activates = found != activations_.end();
  const Tensor scale = activates ? found->second.scale : Tensor();
  const Tensor offset = activates ? found->second.offset : Tensor();
  const size_t from = slot(activates ? found->second.source : input);
  const auto where = places_.find(ending.output);
  const bool placed = where != places_.end();
  const Place place = placed ? where->second : Place{};
  const size_t to = placed ? place.buffer : slot(ending.output);
  const auto bias =
      conv.bias.defined() ? conv.bias.to(torch::kFloat) : Tensor();
  const auto weight = conv.weight.contiguous();
  add_step(
      [=](Slots& slots) {
        const Tensor x = slots[from].toTensor();
        const int64_t channels = weight.size(0);
        if (!placed || place.channel == 0) {
          slots[to] = torch::empty({x.size(0), placed ? place.width : channels,
                                    x.size(2), x.size(3)},
                                   x.options(), at::MemoryFormat::ChannelsLast);
        }
        const auto out = slots[to].toTensor();
        const auto rows =
            rows_of(placed ? out.narrow(1, place.channel, channels) : out);
        const ActivatedInput in{rows_of(x), weight.size(1), scale, offset};
        if (weight.size(2) == 1) {
          pointwise(in, weight.flatten(1), bias, rows);
        } else {
          conv3x3(in, {x.size(2), x.size(3)}, weight, bias, rows);
        }
      },
      {from, to});
  ready_.insert(ending.output);
  own_memory_.insert(ending.output);
}

void PlanBuilder::emit_convolution(const jit::Node* node,
                                   const jit::Value* added,
                                   const Ending& ending) {
  const auto conv = read_convolution(node);
  const jit::Value* input = node->input(0);
  const bool activates = activations_.contains(input);
  // 1x1 then mean of 2x2 is mean of 2x2 then 1x1, of a quarter of the pixels.
  const auto* user = only_user(node->output());
  const bool pools = user != nullptr && user->kind() == at::aten::avg_pool2d &&
                     conv.weight.size(2) == 1 && !conv.bias.defined() &&
                     is_dense_convolution(conv) && added == nullptr;
  if (!pools && added == nullptr && conv.bias.defined() == ending.relu &&
      is_dense_convolution(conv) &&
      (activates || places_.contains(ending.output))) {
    if (activates || conv.weight.size(2) == 3) {
      emit_dense_convolution(conv, input, ending);
      return;
    }
  }
  size_t from =
      activates ? emit_activation(activations_.at(input), input) : slot(input);
  const jit::Value* output = ending.output;
  if (pools) {
    consumed_.insert(user);
    output = user->output();
    const size_t unpooled = from;
    from = plan_.initial_.size();
    plan_.initial_.emplace_back();
    const auto size = constant(user->input(1)).toIntVector();
    const auto stride = constant(user->input(2)).toIntVector();
    const auto padding = constant(user->input(3)).toIntVector();
    add_step(
        [=](Slots& slots) {
          slots[from] = torch::avg_pool2d(slots[unpooled].toTensor(), size,
                                          stride, padding);
        },
        {unpooled});
  }
  auto packed = std::make_shared<PackedConvolution>(
      conv.weight, conv.bias.defined() ? conv.bias.to(plan_.type_) : Tensor(),
      conv.shape);
  const size_t to = slot(output);
  const bool relu = ending.relu;
  if (added == nullptr) {
    add_step(
        [=](Slots& slots) {
          slots[to] = (*packed)(slots[from].toTensor(), relu);
        },
        {from});
  } else {
    const size_t other = slot(added);
    const auto* add = node->output()->uses()[0].user;
    const bool copies = !may_overwrite(added, add);
    add_step(
        [=](Slots& slots) {
          Tensor sum = slots[other].toTensor().contiguous(
              at::MemoryFormat::ChannelsLast);
          if (copies) sum = sum.clone();
          slots[to] = packed->add_to(sum, slots[from].toTensor(), relu);
        },
        {from, other});
  }
  own_memory_.insert(output);
  place(output);
}

/// As LibTorch runs it.
void PlanBuilder::visit_other(const jit::Node* node) {
  std::vector<size_t> reads;
  for (const auto* input : node->inputs()) {
    if (activations_.contains(input) && !ready_.contains(input)) {
      emit_activation(activations_.at(input), input);
    }
    auto& value = plan_.initial_[slot(input)];
    if (value.isTensor() && value.toTensor().is_floating_point()) {
      value = value.toTensor().detach().to(plan_.type_);
    }
    reads.push_back(slot(input));
  }
  const size_t to = slot(node->output());
  auto operation = node->getOperation();
  add_step(
      [=](Slots& slots) mutable {
        jit::Stack stack;
        for (const size_t read : reads) stack.push_back(slots[read]);
        operation(stack);
        slots[to] = std::move(stack.back());
      },
      reads);
  if (node->kind() == at::aten::constant_pad_nd ||
      node->kind() == at::aten::max_pool2d) {
    own_memory_.insert(node->output());
  }
  place(node->output());
}

EnginePlan::EnginePlan(const Program& program, at::ScalarType type)
    : type_(type) {
  const torch::NoGradGuard no_grad;
  PlanBuilder(program, *this).build();
}

torch::Tensor EnginePlan::run(const torch::Tensor& images) const {
  const at::AutoDispatchBelowAutograd no_autograd;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(
      c10::DispatchKey::AutocastCPU);
  Slots slots = initial_;
  slots[0] = images.to(type_).contiguous(at::MemoryFormat::ChannelsLast);
  for (size_t i = 0; i < steps_.size(); ++i) {
    steps_[i](slots);
    for (const size_t slot : done_[i]) slots[slot] = c10::IValue();
  }
  return slots[output_].toTensor().to(torch::kFloat);
}

}  // namespace skipzoo
