#include "models/engine_memory.h"

#include <algorithm>

#include "models/kernels/blocking/allocate.h"

namespace skipzoo {

namespace {

constexpr int64_t kCacheLine = 64;

int64_t whole_lines(size_t bytes) {
  return (static_cast<int64_t>(bytes) + kCacheLine - 1) / kCacheLine *
         kCacheLine;
}

/// Where results lie: the largest first, each in the first gap between those
/// that are there at the same time. Returns how many bytes all take.
template <typename Result>
int64_t lay_out(std::vector<Result*> results) {
  std::stable_sort(
      results.begin(), results.end(),
      [](const Result* a, const Result* b) { return a->bytes > b->bytes; });
  int64_t all = 0;
  std::vector<const Result*> laid;  // By where they begin.
  for (Result* result : results) {
    for (const Result* other : laid) {
      if (other->last < result->first || result->last < other->first) continue;
      if (result->begin + result->bytes <= other->begin) break;
      result->begin = std::max(result->begin, other->begin + other->bytes);
    }
    all = std::max(all, result->begin + result->bytes);
    laid.insert(std::upper_bound(laid.begin(), laid.end(), result,
                                 [](const Result* a, const Result* b) {
                                   return a->begin < b->begin;
                                 }),
                result);
  }
  return all;
}

}  // namespace

void EngineMemory::begin_run(int64_t batch) {
  // What a run that failed has recorded is not all there is.
  if (batch != batch_ || is_recording()) release();
  batch_ = batch;
  step_ = next_ = 0;
}

void EngineMemory::release() {
  results_.clear();
  arena_.reset();
}

torch::Tensor EngineMemory::record(at::IntArrayRef sizes,
                                   const torch::TensorOptions& options) {
  auto room = allocate_images(sizes, options);
  results_.push_back({.sizes = at::DimVector(sizes),
                      .options = options,
                      .tensor = room,
                      .first = step_,
                      .last = step_,
                      .bytes = whole_lines(room.nbytes())});
  return room;
}

torch::Tensor EngineMemory::operator()(at::IntArrayRef sizes,
                                       const torch::TensorOptions& options) {
  if (is_recording()) return record(sizes, options);
  while (next_ < results_.size() && results_[next_].first < step_) ++next_;
  if (next_ < results_.size() && results_[next_].first == step_) {
    const auto& result = results_[next_++];
    if (result.tensor.defined() && sizes.equals(result.sizes) &&
        options.dtype() == result.options.dtype()) {
      return result.tensor;
    }
  }
  return allocate_images(sizes, options);
}

void EngineMemory::end_step() {
  if (is_recording()) {
    for (auto& [sizes, options, tensor, first, last, bytes, begin] : results_) {
      if (!tensor.defined()) continue;
      last = step_;
      // A view is another tensor of the same storage.
      if (tensor.use_count() == 1 && tensor.storage().use_count() == 1) {
        tensor.reset();
      }
    }
  }
  ++step_;
}

void EngineMemory::end_run() {
  if (!is_recording()) return;
  std::vector<Result*> passing;
  for (auto& result : results_) {
    const bool is_read = result.tensor.defined();
    result.tensor.reset();
    if (!is_read && result.bytes > 0) passing.push_back(&result);
  }
  arena_ = torch::empty({lay_out(passing)}, torch::kByte);
  for (Result* result : passing) {
    const auto size = static_cast<int64_t>(result->options.dtype().itemsize());
    result->tensor =
        torch::empty({0}, result->options)
            .set_(arena_.storage(), result->begin / size, result->sizes,
                  c10::get_channels_last_strides_2d(result->sizes));
  }
}

}  // namespace skipzoo
