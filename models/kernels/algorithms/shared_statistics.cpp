#include "models/kernels/algorithms/shared_statistics.h"

#include <utility>

namespace skipzoo {

namespace {

StatisticsSumPtr& of_thread() {
  thread_local StatisticsSumPtr sum;
  return sum;
}

}  // namespace

SharedStatistics::SharedStatistics(StatisticsSumPtr sum)
    : before_(of_thread()) {
  if (sum) of_thread() = std::move(sum);
}

SharedStatistics::~SharedStatistics() { of_thread() = std::move(before_); }

const StatisticsSumPtr& SharedStatistics::active() { return of_thread(); }

}  // namespace skipzoo
