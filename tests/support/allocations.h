#pragma once

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <memory>

namespace skipzoo {

/// How often LibTorch allocates memory of tensors on this thread.
class Allocations {
 public:
  int count() const { return counter_->count; }

 private:
  struct Counter : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void*, int64_t size, size_t, size_t,
                           c10::Device) override {
      if (size > 0) ++count;
    }
    bool memoryProfilingEnabled() const override { return true; }
    int count = 0;
  };
  std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
  c10::DebugInfoGuard guard_{c10::DebugInfoKind::PROFILER_STATE, counter_};
};

}  // namespace skipzoo
