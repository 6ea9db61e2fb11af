#include "tools/weights/pickled_tensors.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string_view>

namespace skipzoo {

namespace {

using Kind = Pickle::Kind;

/// Deeper than any program wraps its weights.
constexpr size_t kDeepest = 6;
/// Deeper than the parts of a network: each is three values down.
constexpr size_t kDeepestObject = 60;
/// Longer than all keys on the way there: each that is found holds a copy.
constexpr size_t kLongest = 1000;

/// The words of a key: "model_EMA.1" is model, ema and 1.
std::vector<std::string> words_of(const std::string& key) {
  std::vector<std::string> words(1);
  for (const char c : key) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      words.back() +=
          static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

bool says_averaged(const std::string& key) {
  const auto words = words_of(key);
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "ema" || word == "swa" || word == "averaged";
  });
}

/// What a training keeps beside its weights, to go on: in PyTorch's examples,
/// timm, Lightning, mmengine and Composer.
bool says_training(const std::string& key) {
  const auto words = words_of(key);
  // A momentum encoder is a network.
  if (words[0].starts_with("momentum") &&
      (words.size() == 1 || words[1].starts_with("buffer"))) {
    return true;
  }
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    for (const char* start : {"optimizer", "optimiser", "schedule", "scaler",
                              "scaling", "callback", "rng"}) {
      if (word.starts_with(start)) return true;
    }
    return word == "optim" || word == "opt" || word == "amp" ||
           word == "loops" || word == "sched";
  });
}

double parameters_of(const Pickle& tensor) {
  double count = 1;
  for (const auto size : tensor.sizes()) count *= static_cast<double>(size);
  return count;
}

bool is_container(const Pickle& value) {
  return value.kind == Kind::kDict || value.kind == Kind::kList ||
         value.kind == Kind::kTuple;
}

bool may_hold(const Pickle& value) {
  return (is_container(value) || value.kind == Kind::kOpaque) &&
         !value.items.empty();
}

/// What is in it: counts, and whether it can be a state dict.
void count(TensorHolder& at) {
  const auto& items = at.value->items;
  const size_t step = at.is_dict() ? 2 : 1;
  bool has_names = false;
  for (size_t i = 0; i + step <= items.size(); i += step) {
    const Pickle& item = *items[i + step - 1];
    if (!is_tensor(item)) continue;
    ++at.tensors;
    at.parameters += parameters_of(item);
    if (!at.is_dict() || items[i]->kind != Kind::kText) continue;
    has_names = true;
    const auto name = std::string_view(items[i]->text).substr(0, kLongest);
    const auto dot = name.find('.');
    if (dot != std::string_view::npos && dot > 0) at.names_parts = true;
  }
  at.may_be_state_dict =
      has_names && at.training.empty() && (at.names_parts || !at.under_number);
}

/// The place of a value in `at`: under a dict's key, or at a list's index.
TensorHolder below(const TensorHolder& at, const Pickle* key, size_t index) {
  TensorHolder next;
  next.keys = at.keys;
  next.keys.push_back(key != nullptr ? key_text(*key) : std::to_string(index));
  const auto& last = next.keys.back();
  next.key = at.keys.empty() ? last : at.key + "." + last;
  next.averaged = at.averaged || says_averaged(last);
  next.training = at.training;
  if (at.training.empty() && says_training(last)) next.training = next.key;
  next.under_number =
      at.under_number || (key != nullptr && key->kind != Kind::kText);
  return next;
}

}  // namespace

bool TensorHolder::is_within(const TensorHolder& other) const {
  return keys.size() > other.keys.size() &&
         std::equal(other.keys.begin(), other.keys.end(), keys.begin());
}

bool is_tensor(const Pickle& value) {
  return value.kind == Kind::kTensor || value.kind == Kind::kUnreadableTensor;
}

std::string why_unreadable(const Pickle& value) {
  return value.kind == Kind::kUnreadableTensor ? value.text : "";
}

/// All tensors in an object, in whatever else they are there.
void HolderSearch::count_within(const Pickle& value, TensorHolder& at,
                                size_t depth) {
  visits_.spend(1);
  if (is_tensor(value)) {
    ++at.tensors;
    at.parameters += parameters_of(value);
  } else if (depth < kDeepestObject && !value.items.empty() &&
             counted_.insert(&value).second) {
    for (const auto* item : value.items) count_within(*item, at, depth + 1);
  }
}

void HolderSearch::visit(const Pickle& value, TensorHolder at) {
  if (!seen_.insert(&value).second) return;
  at.value = &value;
  visits_.spend(1 + value.items.size() + at.key.size());
  if (at.is_object()) {
    count_within(value, at, 0);
  } else {
    count(at);
  }
  if (at.tensors > 0) found_.push_back(at);
  if (at.is_object() || at.keys.size() == kDeepest) return;
  const size_t step = at.is_dict() ? 2 : 1;
  for (size_t i = 0; i + step <= value.items.size(); i += step) {
    const Pickle& item = *value.items[i + step - 1];
    const Pickle* key = at.is_dict() ? value.items[i] : nullptr;
    const auto letters = key != nullptr ? key->text.size() : 0;
    // The place is made of words only where it is new.
    if (may_hold(item) && !seen_.contains(&item) &&
        at.key.size() + letters < kLongest) {
      visit(item, below(at, key, i));
    }
  }
}

std::vector<TensorHolder> HolderSearch::find(const Pickle& root) {
  found_.clear();
  if (may_hold(root)) visit(root, {});
  return std::move(found_);
}

std::string key_text(const Pickle& key) {
  if (key.kind == Kind::kText) return key.text;
  if (key.kind == Kind::kInteger || key.kind == Kind::kBool) {
    return std::to_string(key.integer);
  }
  return "?";
}

std::string size_text(const TensorHolder& holder) {
  char text[64];
  std::snprintf(text, sizeof text, "%lld tensor%s, %.15g parameter%s",
                static_cast<long long>(holder.tensors),
                holder.tensors == 1 ? "" : "s", holder.parameters,
                holder.parameters == 1 ? "" : "s");
  return text;
}

}  // namespace skipzoo
