#include <ATen/ops/clamp.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "models/engine_gpu_builder.h"

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

bool GpuPlanBuilder::waits_for_addition(const jit::Node* node) const {
  const auto* add = only_user(node->output());
  if (add == nullptr || add->kind() != at::aten::add ||
      !takes_addition(node, add)) {
    return false;
  }
  const auto* relu = only_user(add->output());
  return relu != nullptr && relu->kind() == at::aten::relu;
}

void GpuPlanBuilder::visit_convolution(const jit::Node* node) {
  if (!convolves_by_constants(node)) {
    visit_other(node);
    return;
  }
  if (waits_for_addition(node)) {
    pending_[node->output()] = node;
    return;
  }
  const auto* relu = only_user(node->output());
  if (relu == nullptr || relu->kind() != at::aten::relu) {
    emit_convolution(node, {.output = node->output()});
    return;
  }
  consumed_.insert(relu);
  emit_convolution(node, {.output = relu->output(), .relu = true});
}

void GpuPlanBuilder::visit_pending_sum(const jit::Node* node) {
  const auto *conv = node->input(0), *added = node->input(1);
  if (!pending_.contains(conv)) std::swap(conv, added);
  Tensor bias;
  if (pending_.contains(added)) {
    // A projection; its bias goes along with the other's, for nothing.
    const jit::Node* other = pending_.at(added);
    bias = read_convolution(other).bias;
    emit_convolution(other, {.output = added}, /*without_bias=*/true);
  }
  const auto* relu = only_user(node->output());
  consumed_.insert(relu);
  emit_convolution(pending_.at(conv),
                   {.output = relu->output(), .relu = true, .added = added},
                   /*without_bias=*/false, bias);
}

ConvolutionArguments GpuPlanBuilder::read_convolution(
    const jit::Node* node) const {
  const auto numbers = [&](size_t i) {
    return constant(node->input(i)).toIntVector();
  };
  const auto& bias = constant(node->input(2));
  return {.weight = constant(node->input(1)).toTensor().detach(),
          .bias = bias.isTensor() ? bias.toTensor().detach() : Tensor(),
          .stride = numbers(3),
          .padding = numbers(4),
          .dilation = numbers(5),
          .groups = constant(node->input(8)).toInt()};
}

void GpuPlanBuilder::emit_convolution(const jit::Node* node,
                                      const Ending& ending, bool without_bias,
                                      const Tensor& more_bias) {
  auto conv = read_convolution(node);
  if (without_bias) conv.bias = Tensor();
  if (more_bias.defined()) {
    conv.bias = conv.bias.defined() ? conv.bias + more_bias : more_bias;
  }
  const auto left = activations_.find(node->input(0));
  size_t from = left != activations_.end() ? emit_activation(left->second, conv)
                                           : slot(node->input(0));
  Ending now = ending;
  if (const jit::Node* pool = movable_pool(node)) {
    std::vector<size_t> reads;
    for (const auto* input : pool->inputs()) reads.push_back(slot(input));
    reads[0] = from;
    from = new_slot();
    add_operator(pool, reads, from);
    consumed_.insert(pool);
    now.output = pool->output();
  }
  add_convolution(conv, now, from);
}

std::vector<Ways::Way> GpuPlanBuilder::ways_of(const ConvolutionArguments& conv,
                                               const Ending& ending) const {
  const bool relu = ending.relu;
  std::vector<Ways::Way> ways = {
      [conv, relu](const Tensor& x, const Tensor& z) {
        return convolution_by_aten(x, z, conv, relu);
      }};
  if (relu) {
    ways.push_back([conv, fused = fused_](const Tensor& x, const Tensor& z) {
      return z.defined() ? fused.add_relu(x, z, conv) : fused.relu(x, conv);
    });
  }
  if (ending.added == nullptr && is_product(conv)) {
    ways.push_back([conv, relu](const Tensor& x, const Tensor&) {
      return convolution_by_product(x, conv, relu);
    });
  }
  return ways;
}

void GpuPlanBuilder::add_convolution(const ConvolutionArguments& conv,
                                     const Ending& ending, size_t from) {
  const bool adds = ending.added != nullptr, relu = ending.relu;
  auto used = conv;
  used.weight =
      conv.weight.to(plan_.type_).contiguous(at::MemoryFormat::ChannelsLast);
  if (conv.bias.defined()) {
    used.bias = conv.bias.to(plan_.type_);
  } else if (relu) {
    used.bias = at::zeros({conv.weight.size(0)}, used.weight.options());
  }
  auto ways = ways_of(used, ending);
  const auto run = std::make_shared<Ways>(std::move(ways), fused_.wait,
                                          name_of(used, relu), fused_.search);
  const size_t other = adds ? slot(ending.added) : 0, to = slot(ending.output);
  std::vector<size_t> reads = {from};
  if (adds) reads.push_back(other);
  add_step(
      std::string("convolution") + (adds ? "_add" : "") + (relu ? "_relu" : ""),
      [run, from, adds, other, to](Values& values) {
        values[to] = (*run)(values[from].toTensor(),
                            adds ? values[other].toTensor() : Tensor());
      },
      reads);
  own_memory_.insert(ending.output);
  place(ending.output);
}

bool GpuPlanBuilder::is_pointwise(const jit::Node* node) const {
  if (node->kind() != at::aten::_convolution || !convolves_by_constants(node)) {
    return false;
  }
  const auto conv = read_convolution(node);
  return conv.weight.size(2) == 1 && conv.weight.size(3) == 1 &&
         conv.groups == 1 &&
         std::ranges::all_of(conv.padding, [](int64_t n) { return n == 0; });
}

bool GpuPlanBuilder::takes_activation(const jit::Node* node) const {
  return is_pointwise(node) && !is_constant(node->input(0));
}

size_t GpuPlanBuilder::emit_activation(const Activation& activation,
                                       ConvolutionArguments& conv) {
  // relu(a x + b) is a (max(x, t) - t) with t = -b / a, or with min where a is
  // negative. So one pass over the images remains, which may read a part of a
  // dense block's buffer; a goes into the weight, and t into the bias: of the
  // numbers as they are rounded, or what is zero would not be.
  const auto rounded = [&](const Tensor& x) {
    return x.to(plan_.type_).to(at::kDouble);
  };
  const auto &a = activation.scale, &b = activation.offset;
  auto t = rounded(-b / a);
  const auto is_fixed = t.isfinite().logical_not();  // relu(b) for any x.
  t = at::where(is_fixed, 0, t);
  const auto matrix = conv.weight.to(at::kDouble).flatten(1);
  const auto weight = rounded(matrix * at::where(is_fixed, 0, a));
  auto bias =
      matrix.matmul(at::where(is_fixed, b.relu(), 0)) - weight.matmul(t);
  if (conv.bias.defined()) bias += conv.bias.to(at::kDouble);
  conv.weight = weight.view(conv.weight.sizes());
  conv.bias = bias;

  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto bound = [&](const Tensor& is_bound, double none) {
    return at::where(is_bound.logical_or(is_fixed), t, none)
        .to(plan_.type_)
        .view({1, -1, 1, 1});
  };
  const auto least = bound(a > 0, -kInfinity), most = bound(a < 0, kInfinity);
  const size_t from = slot(activation.source), to = new_slot();
  add_step("clamp",
           [from, to, least, most](Values& values) {
             values[to] = at::clamp(values[from].toTensor(), least, most);
           },
           {from});
  return to;
}

const jit::Node* GpuPlanBuilder::movable_pool(const jit::Node* node) const {
  const auto* pool = only_user(node->output());
  if (pool == nullptr || pool->kind() != at::aten::avg_pool2d ||
      !is_pointwise(node)) {
    return nullptr;
  }
  // Without zeros beside the images, of which a bias would make others.
  const auto is_one = [](int64_t n) { return n == 1; };
  const auto is_zero = [](int64_t n) { return n == 0; };
  return std::ranges::all_of(constant(node->input(3)).toIntVector(), is_one) &&
                 std::ranges::all_of(constant(pool->input(3)).toIntVector(),
                                     is_zero) &&
                 constant(pool->input(6)).isNone()
             ? pool
             : nullptr;
}

}  // namespace skipzoo
