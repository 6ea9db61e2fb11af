#include "tools/weights/state_dict.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "tools/printable.h"
#include "tools/weights/pickled_tensors.h"
#include "tools/weights/state_dict_choice.h"

namespace skipzoo {

namespace {

using Kind = Pickle::Kind;

/// Values that are looked at and letters that are copied, of one file: it may
/// refer to the same part of itself under any number of names.
constexpr uint64_t kMostVisits = 300'000'000;

std::string object_text(const Pickle& value) {
  return "an object of type " + value.text;
}

/// A value of the state dict that is no tensor, and what is lost with it.
void leave_out(const std::string& name, const Pickle& value,
               HolderSearch& search, Budget& visits, WeightFile& result) {
  if (value.kind == Kind::kOpaque) {
    visits.spend(value.text.size());
    result.left_out.push_back({name, object_text(value)});
  } else if (const auto held = search.find(value); !held.empty()) {
    result.left_out.push_back(
        {name, (value.kind == Kind::kDict ? "a dict with " : "a list with ") +
                   size_text(held.front())});
  }
}

void collect(const TensorHolder& holder, const BuildTensor& build,
             const ReadOptions& options, Budget& visits, WeightFile& result) {
  std::map<std::string, size_t> place;
  HolderSearch search(visits);
  const auto& items = holder.value->items;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    const auto name = key_text(*items[i]);
    const Pickle& value = *items[i + 1];
    visits.spend(1 + name.size());
    if (!is_tensor(value)) {
      // In the file itself notes stand beside: of these, what the search found.
      if (!holder.keys.empty()) leave_out(name, value, search, visits, result);
      continue;
    }
    if (const auto why = why_unreadable(value); !why.empty()) {
      result.left_out.push_back({name, why});
    } else if (items[i]->kind != Kind::kText) {
      result.left_out.push_back({name, "its name is no text"});
    } else if (!options.wanted || options.wanted(name)) {
      const auto [at, fresh] = place.emplace(name, result.tensors.size());
      if (fresh) result.tensors.emplace_back(name, torch::Tensor());
      result.tensors[at->second].second = build(value);  // The last counts.
    }
  }
}

/// Names what stands elsewhere: the notes around the state dict one by one,
/// dicts, lists and objects by their keys, what the training kept by its first
/// key.
void leave_out_rest(const std::vector<TensorHolder>& holders,
                    const TensorHolder& taken, Budget& visits,
                    WeightFile& result) {
  std::map<std::string, int64_t> of_training;
  for (const auto& holder : holders) {
    // What is within the state dict was named there, but for the file itself.
    const bool named = !taken.keys.empty() && holder.is_within(taken);
    if (&holder == &taken || named) continue;
    if (!holder.training.empty()) {
      of_training[holder.training] += holder.tensors;
    } else if (taken.is_within(holder) && holder.is_dict()) {
      const auto& items = holder.value->items;
      for (size_t i = 0; i + 1 < items.size(); i += 2) {
        if (!is_tensor(*items[i + 1])) continue;
        const auto name = key_text(*items[i]);
        visits.spend(1 + name.size());
        result.left_out.push_back({name, "beside the weights"});
      }
    } else {
      if (holder.is_object()) visits.spend(holder.value->text.size());
      result.left_out.push_back(
          {holder.key,
           (holder.is_object() ? object_text(*holder.value) + ", " : "") +
               size_text(holder) +
               (holder.averaged ? ", averaged weights"
                                : ", beside the weights")});
    }
  }
  for (const auto& [key, tensors] : of_training) {
    result.left_out.push_back({key,
                               std::to_string(tensors) +
                                   (tensors == 1 ? " tensor" : " tensors") +
                                   " of the training",
                               true});
  }
}

constexpr size_t kMostModules = 100'000;
constexpr size_t kMostTensors = 1'000'000;

/// A TorchScript module's state: attributes by name, submodules among them.
class ModuleCollector {
 public:
  ModuleCollector(const BuildTensor& build, const ReadOptions& options,
                  WeightFile& result)
      : build_(build), options_(options), result_(result) {}

  void collect(const Pickle& module, const std::string& prefix, int depth) {
    // A module may be part of several; of very many, it is a bomb.
    if (depth > 100 || ++modules_ > kMostModules) {
      throw std::runtime_error("modules nested too deeply");
    }
    if (module.items.empty()) return;
    const Pickle& state = *module.items.front();
    if (state.kind != Kind::kDict) return;
    visits_.spend(state.items.size());
    for (size_t i = 0; i + 1 < state.items.size(); i += 2) {
      const Pickle& value = *state.items[i + 1];
      // Numbers, texts and empty lists, which may be many.
      const bool is_plain = value.items.empty() && !is_tensor(value) &&
                            value.kind != Kind::kOpaque;
      if (is_plain) continue;
      // A hostile name of a module is part of many.
      visits_.spend(prefix.size() + state.items[i]->text.size());
      add(prefix + state.items[i]->text, value, depth);
    }
  }

 private:
  void add(const std::string& name, const Pickle& value, int depth) {
    if (const auto why = why_unreadable(value); !why.empty()) {
      result_.left_out.push_back({name, why});
    } else if (value.kind == Kind::kTensor) {
      if (options_.wanted && !options_.wanted(name)) return;
      result_.tensors.emplace_back(name, build_(value));
      if (result_.tensors.size() > kMostTensors) {
        throw std::runtime_error("more tensors than any network has");
      }
    } else if (value.kind == Kind::kOpaque) {
      collect(value, name + ".", depth + 1);
    } else {
      leave_out(name, value, search_, visits_, result_);
    }
  }

  const BuildTensor& build_;
  const ReadOptions& options_;
  WeightFile& result_;
  Budget visits_{kMostVisits / 10};
  HolderSearch search_{visits_};
  size_t modules_ = 0;
};

/// Where nothing could be read, what there is stands in the message.
void check_some(const WeightFile& result, const ReadOptions& options) {
  if (!result.tensors.empty() || result.left_out.empty() || options.wanted) {
    return;
  }
  throw std::runtime_error("holds no tensor that can be read; " +
                           text_of(result.left_out));
}

}  // namespace

void collect_state_dict(const Pickle& root, const BuildTensor& build,
                        const ReadOptions& options, WeightFile& result) {
  Budget visits(kMostVisits);
  const auto holders = HolderSearch(visits).find(root);
  const auto& taken = choose_state_dict(root, holders, options);
  result.wrapper = taken.key;
  result.averaged = taken.averaged;
  collect(taken, build, options, visits, result);
  leave_out_rest(holders, taken, visits, result);
  check_some(result, options);
  if (!options.key.empty() && options.key != "." && options.key != taken.key) {
    keep_under(options.key, result);
  }
}

void collect_module(const Pickle& root, const BuildTensor& build,
                    const ReadOptions& options, WeightFile& result) {
  ModuleCollector(build, options, result).collect(root, "", 0);
  check_some(result, options);
  if (!options.key.empty()) keep_under(options.key, result);
}

void keep_under(const std::string& key, WeightFile& file) {
  const auto outside = [&](const auto& entry) {
    return !entry.first.starts_with(key + ".");
  };
  const auto count =
      std::count_if(file.tensors.begin(), file.tensors.end(), outside);
  if (count == static_cast<int64_t>(file.tensors.size())) {
    throw std::runtime_error("holds no state dict under '" + printable(key) +
                             "', and no name that begins so; skipzoo inspect "
                             "lists what it holds");
  }
  if (count == 0) return;
  const auto first =
      std::find_if(file.tensors.begin(), file.tensors.end(), outside);
  file.left_out.push_back(
      {first->first +
           (count > 1 ? " and " + std::to_string(count - 1) + " more" : ""),
       "not under " + key});
  std::erase_if(file.tensors, outside);
}

}  // namespace skipzoo
