#include "models/engine_plan_graph.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "models/engine_plan_concatenations.h"

namespace skipzoo {

namespace jit = torch::jit;

namespace {

/// Whether each is the beginning of the longest.
bool all_begin(const jit::Node* longest, const Concatenations& cats) {
  const auto all = parts(longest);
  return std::all_of(cats.begin(), cats.end(), [&](const jit::Node* cat) {
    const auto own = parts(cat);
    return std::equal(own.begin(), own.end(), all.begin());
  });
}

}  // namespace

const jit::Node* PlanGraph::only_user(const jit::Value* value) {
  return value->uses().size() == 1 ? value->uses()[0].user : nullptr;
}

std::vector<int64_t> PlanGraph::shape_of(const jit::Value* value) {
  const auto type = value->type()->cast<at::TensorType>();
  const auto sizes = type ? type->sizes().concrete_sizes() : std::nullopt;
  return sizes.value_or(std::vector<int64_t>());
}

int64_t PlanGraph::channels(const jit::Value* value) {
  const auto shape = shape_of(value);
  return shape.size() == 4 ? shape[1] : 0;
}

void PlanGraph::find_constants() {
  const auto inputs = program_.graph->inputs();
  std::map<std::string, torch::Tensor> tensors(program_.tensors.begin(),
                                               program_.tensors.end());
  for (size_t i = 1; i < inputs.size(); ++i) {
    constants_[inputs[i]] = tensors.at(inputs[i]->debugName());
  }
  for (const jit::Node* node : program_.graph->nodes()) {
    if (node->kind() == c10::prim::Constant) {
      const auto value = jit::toIValue(node->output());
      constants_[node->output()] = value ? *value : c10::IValue();
    }
    if (node->kind() == c10::prim::ListConstruct) find_constant_list(node);
    if (node->kind() == at::aten::t && is_weight(node->input())) {
      constants_[node->output()] = constant(node->input()).toTensor().t();
    }
  }
}

void PlanGraph::find_constant_list(const jit::Node* node) {
  const auto type = node->output()->type()->expect<c10::ListType>();
  c10::impl::GenericList list(type->getElementType());
  for (const auto* input : node->inputs()) {
    if (!is_constant(input)) return;
    list.push_back(constant(input));
  }
  constants_[node->output()] = list;
}

size_t PlanGraph::slot(const jit::Value* value) {
  const auto [found, is_new] = slots_.emplace(value, initial_.size());
  if (is_new) {
    initial_.push_back(is_constant(value) ? constant(value) : c10::IValue());
  }
  return found->second;
}

size_t PlanGraph::new_slot() {
  initial_.emplace_back();
  return initial_.size() - 1;
}

bool PlanGraph::convolves_by_constants(const jit::Node* node) const {
  return shape_of(node->output()).size() == 4 && is_weight(node->input(1)) &&
         is_constant(node->input(2)) && !constant(node->input(6)).toBool();
}

bool PlanGraph::takes_addition(const jit::Node* node,
                               const jit::Node* add) const {
  const auto* other = add->input(add->input(0) == node->output() ? 1 : 0);
  const auto& alpha = constant(add->input(2));
  return other != node->output() && !is_constant(other) && alpha.isInt() &&
         alpha.toInt() == 1 && shape_of(other) == shape_of(node->output());
}

PlanGraph::Blocks PlanGraph::find_blocks() const {
  Blocks blocks;
  for (const jit::Node* node : program_.graph->nodes()) {
    if (joins_channels(node)) blocks[parts(node).front()].push_back(node);
  }
  std::erase_if(blocks, [](const auto& block) {
    return !all_begin(longest_of(block.second), block.second);
  });
  return blocks;
}

std::vector<std::vector<size_t>> PlanGraph::last_reads(
    const std::vector<std::vector<size_t>>& reads, size_t kept) const {
  std::map<size_t, size_t> last;
  for (size_t i = 0; i < reads.size(); ++i) {
    for (const size_t read : reads[i]) last[read] = i;
  }
  std::vector<std::vector<size_t>> done(reads.size());
  for (const auto& [read, step] : last) {
    if (read != kept && initial_[read].isNone()) done[step].push_back(read);
  }
  return done;
}

bool PlanGraph::can_share_buffer(const jit::Node* longest) const {
  const auto all = parts(longest);
  const std::set<const jit::Value*> different(all.begin(), all.end());
  return different.size() == all.size() &&
         std::all_of(all.begin(), all.end(),
                     [&](const jit::Value* part) { return can_be_part(part); });
}

bool PlanGraph::can_be_part(const jit::Value* value) const {
  // Another concatenation is written where its own parts lie; weights are
  // written by nobody here.
  return channels(value) > 0 && !is_constant(value) &&
         !places_.contains(value) && !joins_channels(value->node());
}

void PlanGraph::share_buffer(const Concatenations& cats,
                             const jit::Node* longest) {
  const auto all = parts(longest);
  std::vector<int64_t> begins = {0};  // Of each part, then the end of the last.
  for (const auto* part : all) {
    begins.push_back(begins.back() + channels(part));
  }
  const int64_t width = begins.back();
  const size_t buffer = new_slot();
  for (size_t i = 0; i < all.size(); ++i) {
    places_[all[i]] = {buffer, begins[i], width};
  }
  for (const auto* cat : cats) {
    places_[cat->output()] = {buffer, begins[parts(cat).size()], width};
  }
}

std::optional<PlanGraph::List> PlanGraph::list_of(const jit::Node* node) {
  const auto* user = only_user(node->output());
  if (user != nullptr && places_.contains(user->output())) return std::nullopt;
  std::vector<size_t> reads;
  for (const auto* input : node->inputs()) reads.push_back(slot(input));
  return List{
      std::move(reads), slot(node->output()),
      node->output()->type()->expect<c10::ListType>()->getElementType()};
}

}  // namespace skipzoo
