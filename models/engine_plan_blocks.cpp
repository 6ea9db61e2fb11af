#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "models/engine_plan_builder.h"
#include "models/engine_plan_concatenations.h"
#include "models/kernels/algorithms/conv3x3.h"
#include "models/kernels/algorithms/pointwise.h"
#include "models/kernels/simd/processor.h"

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

void PlanBuilder::find_dense_blocks() {
  const Blocks blocks = find_blocks();
  std::set<const jit::Value*> continued;
  for (const auto& block : blocks) {
    continued.insert(goes_on_from(block, blocks));
  }
  for (const auto& [first, cats] : blocks) {
    const jit::Node* longest = longest_of(cats);
    if (continued.contains(first) || !can_share_buffer(longest)) continue;
    share_buffer(cats, longest);
    share_with_earlier(first, blocks);
  }
}

Tensor PlanBuilder::buffer_of(Slots& slots, const Place& place,
                              at::IntArrayRef sizes,
                              const torch::TensorOptions& options) {
  if (slots[place.buffer].isNone()) {
    slots[place.buffer] =
        slots.memory({sizes[0], place.width, sizes[2], sizes[3]}, options);
  }
  return slots[place.buffer].toTensor();
}

void PlanBuilder::place(const jit::Value* value) {
  ready_.insert(value);
  const auto found = places_.find(value);
  if (found == places_.end()) return;
  const Place place = found->second;
  const size_t from = slot(value);
  add_step(
      [place, from](Slots& slots) {
        const Tensor x = slots[from].toTensor();
        const Tensor buffer = buffer_of(slots, place, x);
        copy_channels(x.contiguous(at::MemoryFormat::ChannelsLast), buffer,
                      place.channel);
      },
      {from, place.buffer});
}

void PlanBuilder::visit_dense_cat(const jit::Node* node) {
  // It is there already: the first channels of the block's buffer.
  const Place place = places_.at(node->output());
  const size_t to = slot(node->output());
  add_step(
      [place, to](Slots& slots) {
        slots[to] = slots[place.buffer].toTensor().narrow(1, 0, place.channel);
      },
      {place.buffer});
  ready_.insert(node->output());
}

bool PlanBuilder::is_dense_convolution(const Convolution& conv) const {
  const auto all = [](const std::vector<int64_t>& values, int64_t value) {
    return std::all_of(values.begin(), values.end(),
                       [&](int64_t v) { return v == value; });
  };
  const int64_t side = conv.weight.size(2);
  return (side == 1 || side == 3) && conv.weight.size(3) == side &&
         all(conv.shape.padding, side / 2) && all(conv.shape.stride, 1) &&
         all(conv.shape.dilation, 1) && conv.shape.groups == 1 &&
         !conv.shape.extra.any();
}

bool PlanBuilder::begins_buffer(const jit::Value* value) const {
  const auto found = places_.find(value);
  return found != places_.end() && joins_channels(value->node()) &&
         found->second.channel < found->second.width;
}

bool PlanBuilder::suits_dense_block(const Convolution& conv,
                                    const jit::Value* input,
                                    const Ending& ending) const {
  // The kernels know a bias and a ReLU together, or neither.
  if (conv.bias.defined() != ending.relu || !is_dense_convolution(conv)) {
    return false;
  }
  // They activate as they read, or read the beginning of a buffer where it is,
  // or write where the output belongs.
  const bool onednn_is_faster = plan_.type_ == at::kBFloat16 && has_amx();
  return activations_.contains(input) ||
         (begins_buffer(input) && !onednn_is_faster) ||
         (places_.contains(ending.output) && conv.weight.size(2) == 3);
}

void PlanBuilder::tell_pointwise(const Tensor& images, int64_t in, int64_t out,
                                 const Verdict& why) {
  Choosing choosing([&] {
    return ConvolutionCall{
        .images = {images.size(0), in, images.size(2), images.size(3)},
        .kernel = {out, in, 1, 1}};
  });
  choosing.takes(Algorithm::kPointwise, why);
}

void PlanBuilder::emit_dense_convolution(const Convolution& conv,
                                         const jit::Value* input,
                                         const Ending& ending) {
  const auto left = activations_.find(input);
  const Activation activation = left != activations_.end()
                                    ? left->second
                                    : Activation{input, Tensor(), Tensor()};
  const auto why = left != activations_.end()
                       ? taken("normalises and activates as it reads")
                       : taken("reads a concatenation where its parts lie");
  const size_t from = slot(activation.source);
  const int64_t channels = conv.weight.size(0), read = conv.weight.size(1);
  const bool is_pointwise = conv.weight.size(2) == 1;
  std::shared_ptr<PackedWeight> matrix;
  std::shared_ptr<Conv3x3Weight> taps;
  if (is_pointwise) {
    matrix =
        std::make_shared<PackedWeight>(pack_pointwise(conv.weight.flatten(1)));
  } else {
    taps = std::make_shared<Conv3x3Weight>(conv.weight, /*is_reused=*/true);
  }
  const auto bias =
      conv.bias.defined() ? conv.bias.to(torch::kFloat) : Tensor();
  // An output outside of a block is the whole of a buffer of its own.
  const auto found = places_.find(ending.output);
  const Place place = found != places_.end()
                          ? found->second
                          : Place{slot(ending.output), 0, channels};
  add_step(
      [=](Slots& slots) {
        const Tensor x = slots[from].toTensor();
        const Tensor buffer = buffer_of(slots, place, x);
        const Tensor rows = rows_of(buffer, place.channel, channels);
        const ActivatedInput in{rows_of(x), read, activation.scale,
                                activation.offset};
        if (is_pointwise) {
          tell_pointwise(x, read, channels, why);
          pointwise(in, *matrix, bias, rows);
        } else {
          conv3x3(in, {x.size(2), x.size(3)}, *taps, bias, rows);
        }
      },
      {from, place.buffer});
  ready_.insert(ending.output);
  own_memory_.insert(ending.output);
  if (found != places_.end() && is_read_alone(ending.output)) {
    visit_part(ending.output, place, channels);
  }
}

bool PlanBuilder::is_read_alone(const jit::Value* value) const {
  return std::any_of(
      value->uses().begin(), value->uses().end(), [&](const jit::Use& use) {
        if (use.user->kind() != c10::prim::ListConstruct) return true;
        const auto* cat = only_user(use.user->output());
        return cat == nullptr || !places_.contains(cat->output());
      });
}

void PlanBuilder::visit_part(const jit::Value* value, const Place& place,
                             int64_t count) {
  const size_t to = slot(value);
  add_step(
      [place, to, count](Slots& slots) {
        slots[to] =
            slots[place.buffer].toTensor().narrow(1, place.channel, count);
      },
      {place.buffer});
}

}  // namespace skipzoo
