#include "tools/weights/state_dict_choice.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>

#include "tools/printable.h"

namespace skipzoo {

namespace {

using Kind = Pickle::Kind;
using Candidates = std::vector<const TensorHolder*>;

/// timm's order; averaged weights come last, or are looked for first.
constexpr const char* kCustomary[] = {
    "state_dict",     "model",     "net", "model_state_dict",
    "state_dict_ema", "model_ema", "ema"};

template <typename Holds>
Candidates those(const Candidates& candidates, Holds holds) {
  Candidates some;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(some),
               [&](const TensorHolder* one) { return holds(*one); });
  return some;
}

/// The way down to the state dict, as far as the keys say it.
struct Way {
  Candidates candidates;
  size_t depth = 0;  ///< Keys gone by.
  bool customary = false;
};

/// Follows customary keys, and keys that all candidates have in common.
Way follow_keys(Candidates candidates) {
  Way way{.candidates = std::move(candidates)};
  for (;; ++way.depth) {
    const auto under = [&](const std::string& key) {
      return those(way.candidates, [&](const TensorHolder& one) {
        return way.depth < one.keys.size() && one.keys[way.depth] == key;
      });
    };
    Candidates next;
    for (const char* key : kCustomary) {
      if (next.empty()) next = under(key);
    }
    if (!next.empty()) {
      way.customary = true;
      way.candidates = std::move(next);
      continue;
    }
    const auto& keys = way.candidates.front()->keys;
    const bool common = way.depth < keys.size() &&
                        under(keys[way.depth]).size() == way.candidates.size();
    if (!common) return way;
  }
}

/// Of what the keys leave to choose from, that which looks like a network: the
/// tensors right there, else those in dicts further down, whose names are of
/// the form "fc.weight".
Candidates likely(const Way& way) {
  const auto is_there = [&](const TensorHolder& one) {
    return one.keys.size() == way.depth;
  };
  const auto names_parts = [](const TensorHolder& one) {
    return one.names_parts;
  };
  auto parts = those(way.candidates, names_parts);
  // A note may have such a name too: "val.acc" beside a larger dict.
  parts = those(parts, [&](const TensorHolder& one) {
    return !is_there(one) ||
           std::none_of(parts.begin(), parts.end(), [&](const auto* other) {
             return other->is_within(one) && other->tensors > one.tensors;
           });
  });
  auto some = those(parts, is_there);
  if (some.empty()) some = parts;
  if (some.empty()) {
    some = those(way.candidates, [&](const TensorHolder& one) {
      return is_there(one) == way.customary;
    });
  }
  if (some.empty()) some = way.candidates;
  // What is within a state dict does not compete with it.
  std::set<std::vector<std::string>> all;
  for (const auto* one : some) all.insert(one->keys);
  return those(some, [&](const TensorHolder& one) {
    auto above = one.keys;
    while (!above.empty()) {
      above.pop_back();
      if (all.contains(above)) return false;
    }
    return true;
  });
}

/// The state dicts that the file may mean: one where that is clear.
Candidates choose(const std::vector<TensorHolder>& holders, bool prefer_ema) {
  Candidates all;
  for (const auto& holder : holders) {
    if (holder.may_be_state_dict) all.push_back(&holder);
  }
  Candidates notes;
  for (const bool averaged : {prefer_ema, !prefer_ema}) {
    auto pool = those(
        all, [&](const TensorHolder& one) { return one.averaged == averaged; });
    if (pool.empty()) continue;
    const Way way = follow_keys(std::move(pool));
    auto some = likely(way);
    // A few tensors around dicts of them are notes, such as a best accuracy.
    const auto& first = *some.front();
    const bool is_note =
        !way.customary && some.size() == 1 && !first.names_parts &&
        std::any_of(all.begin(), all.end(),
                    [&](const auto* other) { return other->is_within(first); });
    if (!is_note) return some;
    notes = std::move(some);
  }
  return notes;
}

std::string list_of(const Candidates& candidates) {
  constexpr size_t kMost = 20;
  std::string text;
  for (size_t i = 0; i < std::min(candidates.size(), kMost); ++i) {
    const auto& one = *candidates[i];
    text += "\n  " + (one.keys.empty() ? "." : printable(one.key)) + ": " +
            size_text(one);
  }
  if (candidates.size() > kMost) text += "\n  …";
  return text;
}

std::string object(const Pickle& value) {
  return "an object of type " + printable(value.text) +
         "; save its state_dict() instead";
}

std::string keys_text(const Pickle& dict) {
  constexpr size_t kMost = 16;
  std::string keys;
  for (size_t i = 0; i + 1 < dict.items.size() && i < 2 * kMost; i += 2) {
    keys += (i > 0 ? ", " : "") + printable(key_text(*dict.items[i]));
  }
  return keys;
}

/// Whether there is an array of numpy's in a dict, or a dict of dicts.
bool holds_arrays(const Pickle& value, int depth = 2) {
  if (value.kind == Kind::kOpaque) {
    return value.text.starts_with("numpy.") &&
           (value.text.ends_with("._reconstruct") ||
            value.text.ends_with("._frombuffer"));
  }
  if (value.kind != Kind::kDict || depth == 0) return false;
  for (size_t i = 0; i + 1 < value.items.size(); i += 2) {
    if (holds_arrays(*value.items[i + 1], depth - 1)) return true;
  }
  return false;
}

/// What the file holds instead of weights, for a message.
std::string describe(const Pickle& root,
                     const std::vector<TensorHolder>& holders) {
  if (root.kind == Kind::kOpaque) return object(root);
  if (is_tensor(root)) return "a single tensor, no dict of them";
  for (const auto& holder : holders) {
    if (!holder.is_object() || !holder.training.empty()) continue;
    return "under '" + printable(holder.key) + "' " + object(*holder.value);
  }
  for (const auto& holder : holders) {
    if (!holder.is_dict() || !holder.names_parts) continue;
    return "under '" + printable(holder.key) + "' what a training keeps, " +
           size_text(holder) + "; if they are weights, name them by --key";
  }
  if (root.kind != Kind::kDict) return "no dict of tensors";
  if (root.find("param_groups") != nullptr) {
    return "the state of an optimizer, no weights";
  }
  const Pickle* model = root.find("model");
  if (model != nullptr && model->kind == Kind::kOpaque) {
    return "under 'model' " + object(*model);
  }
  if (root.items.empty()) return "an empty dict";
  if (holds_arrays(root)) {
    return "arrays of numpy, no tensors; save torch.from_numpy() of each";
  }
  return "a dict without weights; its keys are " + keys_text(root);
}

}  // namespace

const TensorHolder& choose_state_dict(const Pickle& root,
                                      const std::vector<TensorHolder>& holders,
                                      const ReadOptions& options) {
  for (const auto& holder : holders) {
    const auto& key = holder.keys.empty() ? "." : holder.key;
    if (key == options.key && holder.is_dict()) return holder;
  }
  const auto candidates = choose(holders, options.prefer_ema);
  if (candidates.empty()) {
    throw std::runtime_error("holds " + describe(root, holders));
  }
  if (candidates.size() == 1) return *candidates.front();
  const auto list = list_of(candidates);
  if (!options.key.empty()) {
    throw std::runtime_error("holds no state dict under '" +
                             printable(options.key) + "'; there are:" + list);
  }
  throw std::runtime_error("holds " + std::to_string(candidates.size()) +
                           " state dicts; say which by --key, as in --key " +
                           printable(candidates.front()->key) + ":" + list);
}

}  // namespace skipzoo
