#include "tools/weights/remarks.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace skipzoo {

bool is_batch_norm_state(const std::string& name) {
  return name.ends_with("running_mean") || name.ends_with("running_var") ||
         name.ends_with("num_batches_tracked");
}

bool never_trained(const NamedTensors& tensors) {
  bool has_statistics = false;
  for (const auto& [name, tensor] : tensors) {
    if (!is_batch_norm_state(name)) continue;
    if (tensor.is_complex()) return false;
    const bool is_variance = name.ends_with("running_var");
    has_statistics = has_statistics || is_variance;
    const auto numbers = tensor.to(torch::kFloat);
    if (!numbers.eq(is_variance ? 1 : 0).all().item<bool>()) return false;
  }
  return has_statistics;
}

void log_remarks(const WeightFile& file) {
  const bool ordinary =
      std::all_of(file.left_out.begin(), file.left_out.end(),
                  [](const LeftOut& one) { return one.of_training; });
  if (!file.left_out.empty()) {
    spdlog::log(ordinary ? spdlog::level::info : spdlog::level::warn, "{}",
                text_of(file.left_out));
  }
  if (never_trained(file.tensors)) spdlog::warn(kNeverTrained);
}

}  // namespace skipzoo
