#include <ATen/ops/add.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/engine_plan_builder.h"
#include "models/engine_plan_concatenations.h"
#include "models/kernels/algorithms/pointwise.h"

namespace skipzoo {

namespace jit = torch::jit;
using torch::Tensor;

namespace {

/// The last node at whose step a value is read, given one that uses it: a norm
/// and its ReLU are left to the convolution behind them, and that to the
/// addition behind it. Null where it may be any: where a view is made of it.
const jit::Node* last_reader(const jit::Node* user) {
  const auto only_user = [](const jit::Node* node) -> const jit::Node* {
    const auto& uses = node->output()->uses();
    return uses.size() == 1 ? uses[0].user : nullptr;
  };
  for (const auto kind : {at::aten::batch_norm, at::aten::relu}) {
    if (user->kind() != kind) continue;
    const auto* next = only_user(user);
    if (next == nullptr) return nullptr;
    user = next;
  }
  if (user->kind() == at::aten::_convolution) {
    const auto* next = only_user(user);
    return next != nullptr && next->kind() == at::aten::add ? next : user;
  }
  return user->kind() == at::aten::add ? user : nullptr;
}

/// The channels that a slice is of; none where it is of another axis or leaves
/// some out.
struct Channels {
  int64_t begin, end;
};
std::optional<Channels> channels_of_slice(const jit::Node* node, int64_t all) {
  if (node->kind() != at::aten::slice) return {};
  std::vector<int64_t> numbers;  // Axis, first, end, step.
  for (size_t i = 1; i < node->inputs().size(); ++i) {
    const auto value = jit::toIValue(node->input(i));
    if (!value || !(value->isInt() || value->isNone())) return {};
    numbers.push_back(value->isInt() ? value->toInt() : i == 2 ? 0 : all);
  }
  if (numbers.size() != 4 || numbers[0] != 1 || numbers[1] < 0 ||
      numbers[2] < numbers[1] || numbers[3] != 1) {
    return {};
  }
  return Channels{numbers[1], std::min(numbers[2], all)};
}

}  // namespace

bool PlanBuilder::is_read_before(const jit::Value* value,
                                 const jit::Node* node) const {
  return std::all_of(
      value->uses().begin(), value->uses().end(), [&](const jit::Use& use) {
        // The concatenations' readers are asked themselves.
        const auto* cat = use.user->kind() == c10::prim::ListConstruct
                              ? only_user(use.user->output())
                              : nullptr;
        if (cat != nullptr && joins_channels(cat)) return true;
        const auto* reader = use.user == node ? node : last_reader(use.user);
        return reader != nullptr && (reader == node || reader->isBefore(node));
      });
}

const jit::Value* PlanBuilder::goes_on_from(const Blocks::value_type& block,
                                            const Blocks& blocks) const {
  const auto& [first, cats] = block;
  const jit::Node* add = first->node();
  if (!is_sum(add)) return nullptr;
  const auto own = parts(longest_of(cats));
  for (const auto* term : {add->input(0), add->input(1)}) {
    const auto found = blocks.find(term);
    if (found == blocks.end() || shape_of(term) != shape_of(first)) continue;
    const auto earlier = parts(longest_of(found->second));
    const bool is_beginning =
        earlier.size() <= own.size() &&
        std::equal(earlier.begin() + 1, earlier.end(), own.begin() + 1);
    const bool is_over =
        is_read_before(term, add) &&
        std::all_of(found->second.begin(), found->second.end(),
                    [&](const jit::Node* cat) {
                      return is_read_before(cat->output(), add);
                    });
    if (is_beginning && is_over && can_be_part(term)) return term;
  }
  return nullptr;
}

void PlanBuilder::share_with_earlier(const jit::Value* block,
                                     const Blocks& blocks) {
  const Place place = places_.at(block);
  for (const auto* earlier = goes_on_from(*blocks.find(block), blocks);
       earlier != nullptr;
       earlier = goes_on_from(*blocks.find(earlier), blocks)) {
    places_[earlier] = place;
    for (const jit::Node* cat : blocks.at(earlier)) {
      int64_t width = 0;
      for (const auto* part : parts(cat)) width += channels(part);
      places_[cat->output()] = {place.buffer, width, place.width};
    }
  }
}

bool PlanBuilder::is_sum(const jit::Node* node) const {
  if (node->kind() != at::aten::add || node->inputs().size() != 3) return false;
  const auto& alpha = constant(node->input(2));
  const auto sizes = shape_of(node->output());
  return alpha.isInt() && alpha.toInt() == 1 && sizes.size() == 4 &&
         shape_of(node->input(0)) == sizes &&
         shape_of(node->input(1)) == sizes && !is_constant(node->input(0)) &&
         !is_constant(node->input(1));
}

bool PlanBuilder::is_placed_sum(const jit::Node* node) const {
  return places_.contains(node->output()) && is_sum(node);
}

void PlanBuilder::emit_placed_sum(const jit::Node* node) {
  for (const auto* term : {node->input(0), node->input(1)}) {
    const auto path = paths_.find(term);
    if (path != paths_.end()) return emit_paths(path->second, node);
  }
  const Place place = places_.at(node->output());
  const int64_t count = channels(node->output());
  const size_t a = computed(node->input(0)), b = computed(node->input(1));
  const size_t to = slot(node->output());
  add_step(
      [=](Slots& slots) {
        const auto& first = slots[a].toTensor();
        Tensor sum =
            buffer_of(slots, place, first).narrow(1, place.channel, count);
        at::add_out(sum, first, slots[b].toTensor());
        slots[to] = sum;
      },
      {a, b, place.buffer});
  ready_.insert(node->output());
}

bool PlanBuilder::is_joined_behind(const jit::Value* value,
                                   const jit::Node* node) const {
  return std::all_of(value->uses().begin(), value->uses().end(),
                     [&](const jit::Use& use) {
                       const auto* cat = only_user(use.user->output());
                       return cat != nullptr && node->isBefore(cat);
                     });
}

bool PlanBuilder::waits_for_paths(const jit::Node* node) {
  const int64_t all = channels(node->output());
  const auto& uses = node->output()->uses();
  if (uses.size() != 2) return false;
  const jit::Node *residual = uses[0].user, *joined = uses[1].user;
  auto first = channels_of_slice(residual, all),
       rest = channels_of_slice(joined, all);
  if (!first || !rest) return false;
  if (first->begin != 0) {
    std::swap(residual, joined);
    std::swap(first, rest);
  }
  if (first->begin != 0 || rest->begin != first->end || rest->end != all ||
      is_read_alone(joined->output())) {
    return false;
  }
  const auto* sum = only_user(residual->output());
  if (sum == nullptr || sum->kind() != at::aten::add || !is_placed_sum(sum) ||
      !is_joined_behind(joined->output(), sum)) {
    return false;
  }
  const auto* other = sum->input(sum->input(0) == residual->output() ? 1 : 0);
  const auto place = places_.find(other), part = places_.find(joined->output());
  const auto& to = places_.at(sum->output());
  const auto conv = read_convolution(node);
  if (place == places_.end() || part == places_.end() ||
      place->second.buffer != to.buffer ||
      place->second.channel != to.channel || part->second.buffer != to.buffer ||
      padded_.contains(node->input(0)) || conv.weight.size(2) != 1 ||
      !is_dense_convolution(conv)) {
    return false;
  }
  pending_[node->output()] = node;
  paths_[residual->output()] = {node, joined->output()};
  consumed_.insert({residual, joined});
  return true;
}

void PlanBuilder::emit_paths(const DualPath& path, const jit::Node* node) {
  current_ = path.convolution;
  const auto conv = read_convolution(path.convolution);
  const jit::Value* input = path.convolution->input(0);
  const auto left = activations_.find(input);
  const Activation activation = left != activations_.end()
                                    ? left->second
                                    : Activation{input, Tensor(), Tensor()};
  const int64_t read = conv.weight.size(1);
  const auto matrix =
      std::make_shared<PackedWeight>(pack_pointwise(conv.weight.flatten(1)));
  const auto bias = conv.bias.defined()
                        ? conv.bias.to(torch::kFloat)
                        : torch::zeros({conv.weight.size(0)}, torch::kFloat);
  const Place place = places_.at(node->output());
  const int64_t width = channels(node->output());
  const int64_t joined = places_.at(path.joined).channel;
  const int64_t growth = channels(path.joined);
  const size_t from = slot(activation.source), to = slot(node->output());
  add_step(
      [from, to, activation, matrix, bias, place, width, joined, growth,
       read](Slots& slots) {
        const Tensor x = slots[from].toTensor();
        const Tensor buffer = slots[place.buffer].toTensor();
        tell_pointwise(x, read, width + growth,
                       taken("adds some channels and joins the others"));
        pointwise_paths({rows_of(x), read, activation.scale, activation.offset},
                        *matrix, bias, rows_of(buffer, place.channel, width),
                        rows_of(buffer, joined, growth));
        slots[to] = buffer.narrow(1, place.channel, width);
      },
      {from, place.buffer});
  ready_.insert({path.convolution->output(), path.joined, node->output()});
}

}  // namespace skipzoo
