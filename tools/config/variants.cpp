#include "tools/config/variants.h"

#include <c10/util/Exception.h>

#include <chrono>
#include <new>

#include "models/make_model.h"
#include "tools/config/fields.h"
#include "tools/weights/deduce.h"

namespace skipzoo {

namespace {

/// A network that differs from the config's in one key.
struct Variant {
  std::string key;
  std::string value;
  ModelOptions model;
};

/// Walks describe() and makes a variant of each other word of an enumeration
/// and each other side of a switch.
template <typename Options>
class Alternatives {
 public:
  Alternatives(Options& options, std::vector<Variant>& out)
      : options_(options), out_(out) {}

  template <typename T>
  void operator()(const char* key, T& value, const char*, Rule = {}) {
    if constexpr (std::is_same_v<T, Kernels>) {
      return;  // The same network.
    } else if constexpr (EnumField<T>) {
      for (const auto& entry : EnumNames<T>::values)
        add(key, value, entry.value);
    } else if constexpr (std::is_same_v<T, bool>) {
      add(key, value, !value);
    }
  }

 private:
  template <typename T>
  void add(const char* key, T& value, T other) {
    if (value == other) return;
    const T own = std::exchange(value, other);
    out_.push_back({key, to_text(other), options_});
    value = own;
  }

  Options& options_;
  std::vector<Variant>& out_;
};

std::vector<Variant> alternatives(ModelOptions model) {
  std::vector<Variant> variants;
  std::visit(
      [&](auto& options) {
        Alternatives all(options, variants);
        options.describe(all);
      },
      model);
  return variants;
}

/// Walks describe() and keeps each key with its value.
struct Values {
  std::vector<std::pair<std::string, std::string>> all;
  template <typename T>
  void operator()(const char* key, T& value, const char*, Rule = {}) {
    all.emplace_back(key, to_text(value));
  }
};

Values values_of(ModelOptions model) {
  Values values;
  std::visit([&](auto& options) { options.describe(values); }, model);
  return values;
}

/// "model.depths: [2, 2], model.shortcut: B": what another network differs in.
std::string differences(const ModelOptions& model, const ModelOptions& other) {
  const bool same_family = model.index() == other.index();
  auto base = model;
  std::string text;
  if (!same_family) {
    base = families()[other.index()];
    text = "model.family: " + family_name(other);
  }
  const auto own = values_of(base).all, now = values_of(other).all;
  for (size_t i = 0; i < now.size(); ++i) {
    if (own[i].second == now[i].second) continue;
    text += (text.empty() ? "" : ", ") + ("model." + now[i].first) + ": " +
            now[i].second;
  }
  return text;
}

class Trial {
 public:
  Trial(const NamedTensors& file, Head head) : file_(file), head_(head) {}

  bool fits(const ModelOptions& model) const {
    Problems problems;
    std::visit([&](const auto& options) { options.validate(problems); }, model);
    if (!problems.empty() || is_over()) return false;
    try {
      return Fit(file_, *make_uninitialised(model), head_).report().complete();
    } catch (const c10::Error&) {  // No such network, or one beyond memory.
      return false;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  bool is_over() const {
    return std::chrono::steady_clock::now() - start_ > std::chrono::seconds(2);
  }

 private:
  const NamedTensors& file_;
  Head head_;
  std::chrono::steady_clock::time_point start_ =
      std::chrono::steady_clock::now();
};

std::string sentence(const std::string& keys) {
  return "with " + keys + " everything fits";
}

/// One key: all its values that fit, for names do not tell A from A_end.
std::string one_key(const std::vector<Variant>& variants, const Trial& trial) {
  std::string key, values, last;
  for (const auto& variant : variants) {
    if (!key.empty() && variant.key != key) break;
    if (!trial.fits(variant.model)) continue;
    key = variant.key;
    if (!last.empty()) values += (values.empty() ? "" : ", ") + last;
    last = variant.value;
  }
  if (key.empty()) return "";
  return sentence("model." + key + ": " +
                  (values.empty() ? last : values + " or " + last));
}

}  // namespace

std::string variant_that_fits(const NamedTensors& file,
                              const ModelOptions& model, Head head) {
  const Trial trial(file, head);
  const auto variants = alternatives(model);
  const auto one = one_key(variants, trial);
  if (!one.empty()) return one;
  for (auto network : networks_of(file, model)) {
    if (head == Head::kMayBeNew) {
      std::visit([&](auto& own) { own.num_classes = num_classes(model); },
                 network);
    }
    if (trial.fits(network)) return sentence(differences(model, network));
  }
  for (const auto& variant : variants) {
    for (const auto& second : alternatives(variant.model)) {
      if (second.key != variant.key && trial.fits(second.model)) {
        return sentence(differences(model, second.model));
      }
    }
  }
  return "";
}

}  // namespace skipzoo
