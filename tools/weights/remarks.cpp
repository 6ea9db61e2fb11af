#include "tools/weights/remarks.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "tools/printable.h"

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

namespace {

/// Piece by piece: isfinite() makes two tensors as large as what it is of, and
/// LibTorch has none for floats of one byte.
bool all_finite(const torch::Tensor& tensor) {
  constexpr int64_t kPiece = 1 << 20;
  if (tensor.numel() == 0) return true;
  for (auto piece : tensor.reshape({-1}).split(kPiece)) {
    if (piece.element_size() == 1) piece = piece.to(torch::kFloat);
    if (!piece.isfinite().all().item<bool>()) return false;
  }
  return true;
}

}  // namespace

std::string not_finite(const NamedTensors& tensors) {
  std::string first;
  int64_t count = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.is_floating_point() || all_finite(tensor)) continue;
    if (count++ == 0) first = printable(name);
  }
  if (count == 0) return "";
  if (count > 1) first += " and " + std::to_string(count - 1) + " more";
  return first + (count > 1 ? " hold" : " holds") +
         " numbers that are not finite";
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
  const auto damaged = not_finite(file.tensors);
  if (!damaged.empty()) spdlog::warn("{} (NaN or infinity)", damaged);
}

}  // namespace skipzoo
