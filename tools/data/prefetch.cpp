#include "tools/data/prefetch.h"

#include <chrono>
#include <utility>

namespace skipzoo {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Prefetch::Prefetch(Loader::Epoch& epoch, std::shared_ptr<CopyStream> copies)
    : epoch_(epoch), copies_(std::move(copies)) {}

void Prefetch::wait() {
  // The host waits while the device computes what it was given before; only
  // when that is done does the device wait too.
  constexpr double kTick = 1e-3;
  std::optional<Clock::time_point> idle;
  const auto look = [&](Clock::time_point since) {
    if (!idle && copies_->is_idle()) idle = since;
  };
  const auto start = Clock::now();
  look(start);
  while (epoch_.has_workers() && !epoch_.wait(kTick)) look(Clock::now());
  take();
  // Made by this thread: when the device ran out meanwhile is not known.
  if (!epoch_.has_workers()) look(start);
  waited_ = idle ? seconds_since(*idle) : 0;
}

void Prefetch::take() {
  is_taken_ = true;
  try {
    if (const auto batch = epoch_.next()) taken_ = copies_->begin(*batch);
  } catch (...) {
    error_ = std::current_exception();
  }
}

std::optional<Batch> Prefetch::next() {
  if (!copies_) {
    const auto start = Clock::now();
    auto batch = epoch_.next();
    waited_ = seconds_since(start);
    return batch;
  }
  waited_ = 0;
  if (!is_taken_) wait();
  is_taken_ = false;
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  auto mine = std::exchange(taken_, std::nullopt);
  if (!mine) return std::nullopt;
  // Its successor sets out before the step that hides its way.
  if (epoch_.has_workers() && epoch_.wait(0)) take();
  copies_->join(*mine);
  return std::move(mine->batch);
}

}  // namespace skipzoo
