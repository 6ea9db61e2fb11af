#include "models/model_options.h"

namespace skipzoo {

namespace {

template <typename... Options>
std::vector<ModelOptions> one_of_each(const std::variant<Options...>*) {
  return {Options{}...};
}

}  // namespace

std::vector<ModelOptions> families() {
  return one_of_each(static_cast<const ModelOptions*>(nullptr));
}

std::string family_name(const ModelOptions& options) {
  return std::visit([](const auto& chosen) { return chosen.kFamily; }, options);
}

int64_t in_channels(const ModelOptions& options) {
  return std::visit([](const auto& chosen) { return chosen.in_channels; },
                    options);
}

int64_t num_classes(const ModelOptions& options) {
  return std::visit([](const auto& chosen) { return chosen.num_classes; },
                    options);
}

Kernels kernels_of(const ModelOptions& options) {
  return std::visit([](const auto& chosen) { return chosen.kernels; }, options);
}

}  // namespace skipzoo
