#include "tools/data/stage_times.h"

#include <array>
#include <atomic>
#include <ctime>

namespace skipzoo {

namespace {

constexpr int kNoStage = -1;
constexpr int kUnmeasured = -2;

std::atomic<bool> measuring_stages = false;
std::array<std::atomic<int64_t>, kStages> stage_nanoseconds;

/// Of a thread: where it is, and the time up to which that is counted.
thread_local int current_stage = kNoStage;
thread_local int64_t charged_to = 0;

int64_t thread_cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Charges the stage that the thread is in, and goes on to another.
void enter_stage(int stage) {
  const int64_t now = thread_cpu_time();
  if (current_stage != kNoStage) {
    stage_nanoseconds[static_cast<size_t>(current_stage)].fetch_add(
        now - charged_to, std::memory_order_relaxed);
  }
  current_stage = stage;
  charged_to = now;
}

}  // namespace

StageTimes::StageTimes() {
  for (auto& one : stage_nanoseconds) one = 0;
  measuring_stages = true;
}

StageTimes::~StageTimes() { measuring_stages = false; }

double StageTimes::seconds(Stage stage) const {
  return 1e-9 *
         static_cast<double>(stage_nanoseconds[static_cast<size_t>(stage)]);
}

InStage::InStage(Stage stage) : outer_(kUnmeasured) {
  if (!measuring_stages.load(std::memory_order_relaxed)) return;
  outer_ = current_stage;
  enter_stage(static_cast<int>(stage));
}

InStage::~InStage() {
  if (outer_ != kUnmeasured) enter_stage(outer_);
}

}  // namespace skipzoo
