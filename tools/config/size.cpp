#include "tools/config/size.h"

#include <c10/util/Exception.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string_view>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/config/fields.h"
#include "tools/memory.h"

namespace skipzoo {

namespace {

constexpr int kMostBlocks = 10'000;

/// The keys that count something: those that make a network large.
struct CountingKeys {
  std::function<bool(std::string_view)> uses;
  std::string names = {};

  template <typename T>
  void operator()(const char* key, T&, const char*, Rule = {}) {
    if (!uses(key)) return;
    if constexpr (std::is_same_v<T, int64_t> ||
                  std::is_same_v<T, std::vector<int64_t>>) {
      names += (names.empty() ? "" : ", ") + std::string(key);
    }
  }
};

std::string counting_keys(const ModelOptions& model) {
  return std::visit(
      [](auto family) {
        CountingKeys keys{[&](std::string_view key) {
          if constexpr (requires { family.uses(key); }) return family.uses(key);
          return true;
        }};
        family.describe(keys);
        return keys.names;
      },
      model);
}

/// Residual blocks, layers of dense blocks, or conv_blocks.
double blocks_of(const ModelOptions& model) {
  const auto sum = [](const std::vector<int64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), 0.0);
  };
  return std::visit(
      [&](const auto& family) {
        if constexpr (requires { family.depths; }) return sum(family.depths);
        if constexpr (requires { family.block_config; }) {
          return sum(family.block_config);
        }
        if constexpr (requires { family.filters; }) {
          return static_cast<double>(family.filters.size());
        }
      },
      model);
}

struct Weights {
  double bytes = 0;     ///< Infinite where a single tensor is beyond memory.
  std::string problem;  ///< Why there is no such network.
};

Weights weights_of(const ModelOptions& model) {
  Weights weights;
  try {
    for (const auto& [name, tensor] : state_dict(*make_uninitialised(model))) {
      weights.bytes += static_cast<double>(tensor.nbytes());
    }
  } catch (const c10::Error& error) {
    const std::string words = error.what_without_backtrace();
    const auto says = [&](const char* word) {
      return words.find(word) != std::string::npos;
    };
    if (!says("allocate") && !says("overflow")) weights.problem = words;
    weights.bytes = std::numeric_limits<double>::infinity();
  }
  return weights;
}

}  // namespace

void check_size(const RunConfig& config, const std::string& name,
                std::vector<std::string>& problems) {
  const double memory = memory_of_machine();
  const auto refuse = [&](const std::string& what) {
    problems.push_back(name + ": " + what + "; this machine has " +
                       bytes_text(memory));
  };
  if (blocks_of(config.model) > kMostBlocks) {
    problems.push_back(name + ": model: has more than " +
                       std::to_string(kMostBlocks) + " blocks, by " +
                       counting_keys(config.model));
    return;
  }
  const auto [weights, problem] = weights_of(config.model);
  if (!problem.empty()) {
    problems.push_back(name + ": model: there is no such network: " + problem);
  } else if (weights > memory) {
    refuse("model: the weights of this network take " +
           (std::isfinite(weights) ? bytes_text(weights)
                                   : "more than can be had") +
           ", so " + counting_keys(config.model) + " are too large together");
  }
  const auto& data = config.data;
  const auto pixels_of = [&](int64_t size) {
    return static_cast<double>(in_channels(config.model)) *
           static_cast<double>(size) * static_cast<double>(size);
  };
  for (const auto& [key, size, trains] : data.sizes()) {
    const double batch =
        static_cast<double>(data.batch_size) * pixels_of(size) * 4;
    if (batch <= memory) continue;
    refuse("data.batch_size: a batch of " + std::to_string(data.batch_size) +
           " pictures of " + key + " " + std::to_string(size) + " takes " +
           bytes_text(batch));
  }
  const double pixels = pixels_of(data.image_size);
  const double resized = pixels / (data.crop_pct * data.crop_pct);
  if (data.dataset == DatasetKind::kImageFolder && resized > memory) {
    refuse(
        "data.crop_pct: a picture resized to data.image_size / crop_pct "
        "takes " +
        bytes_text(resized));
  }
  const double all = static_cast<double>(data.synthetic_images) * pixels * 2;
  if (data.dataset == DatasetKind::kSynthetic && all > memory) {
    refuse("data.synthetic_images: two splits of " +
           std::to_string(data.synthetic_images) +
           " pictures of data.image_size " + std::to_string(data.image_size) +
           " take " + bytes_text(all));
  }
}

}  // namespace skipzoo
