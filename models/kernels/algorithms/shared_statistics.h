#pragma once

#include <ATen/core/ivalue.h>

#include "models/tensor.h"

namespace skipzoo {

/// Sums numbers over all processes that train a network together.
class StatisticsSum : public torch::CustomClassHolder {
 public:
  /// In place; of any shape, float64, on one device. Every process calls it in
  /// the same order.
  virtual void sum(torch::Tensor& numbers) const = 0;
};
using StatisticsSumPtr = c10::intrusive_ptr<StatisticsSum>;

/// While it lives, BatchNorms of this thread that train take the statistics of
/// all processes' pictures: "synchronised" BatchNorm (Zhang et al. 2018,
/// arXiv:1803.08904), as torch.nn.SyncBatchNorm. All processes must be so at
/// the same time, and have the same operators.
class SharedStatistics {
 public:
  /// sum: null changes nothing.
  explicit SharedStatistics(StatisticsSumPtr sum);
  ~SharedStatistics();
  SharedStatistics(const SharedStatistics&) = delete;
  SharedStatistics& operator=(const SharedStatistics&) = delete;

  /// Null where none lives.
  static const StatisticsSumPtr& active();

 private:
  StatisticsSumPtr before_;
};

}  // namespace skipzoo
