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

std::string why_no_drop_path(const ModelOptions& options) {
  return std::visit(
      [](const auto& chosen) -> std::string {
        if constexpr (requires { chosen.why_no_drop_path(); }) {
          return chosen.why_no_drop_path();
        } else if constexpr (requires { chosen.shortcut; }) {
          using Kind = std::decay_t<decltype(chosen.shortcut)>;
          return chosen.shortcut == Kind::kNone
                     ? "with model.shortcut: none nothing is left of a block "
                       "without its branch"
                     : "";
        } else if constexpr (requires { chosen.drop_rate; }) {
          return "a " + std::string(chosen.kFamily) +
                 " has no branch to drop: its features are joined, not added "
                 "to a shortcut; model.drop_rate is its dropout";
        } else {
          return "";
        }
      },
      options);
}

Kernels kernels_of(const ModelOptions& options) {
  return std::visit([](const auto& chosen) { return chosen.kernels; }, options);
}

}  // namespace skipzoo
