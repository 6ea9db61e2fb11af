#include "tools/distribute/c10d_reducer.h"

#ifdef SKIPZOO_GLOO

#include <algorithm>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/logger.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <type_traits>
#include <utility>

namespace skipzoo {

namespace {

/// As many arguments as this version of c10d takes.
template <typename Reducer = c10d::Reducer>
std::unique_ptr<Reducer> make_reducer(
    std::vector<at::Tensor> parameters,
    std::vector<std::vector<size_t>> buckets,
    const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
  constexpr int64_t kCap = c10d::kDefaultBucketBytesCap;
  constexpr int64_t kFirst = c10d::kDefaultFirstBucketBytes;
  std::vector<bool> sparse(parameters.size(), false);
  using Names = std::unordered_map<size_t, std::string>;
  if constexpr (std::is_constructible_v<Reducer, std::vector<at::Tensor>,
                                        std::vector<std::vector<size_t>>,
                                        c10::intrusive_ptr<c10d::ProcessGroup>,
                                        std::vector<bool>, int64_t, bool, bool,
                                        Names, int64_t, bool, bool,
                                        std::vector<int64_t>>) {
    return std::make_unique<Reducer>(std::move(parameters), std::move(buckets),
                                     group, std::move(sparse), kCap, false,
                                     false, Names(), kFirst, false, false,
                                     std::vector<int64_t>());
  } else if constexpr (std::is_constructible_v<
                           Reducer, std::vector<at::Tensor>,
                           std::vector<std::vector<size_t>>,
                           c10::intrusive_ptr<c10d::ProcessGroup>,
                           std::vector<bool>, int64_t, bool, bool, Names,
                           int64_t, bool, bool>) {
    return std::make_unique<Reducer>(std::move(parameters), std::move(buckets),
                                     group, std::move(sparse), kCap, false,
                                     false, Names(), kFirst, false, false);
  } else {
    return std::make_unique<Reducer>(std::move(parameters), std::move(buckets),
                                     group, std::move(sparse), kCap, false,
                                     false, Names(), kFirst);
  }
}

class BucketedReduction : public GradientReduction {
 public:
  BucketedReduction(std::vector<at::Tensor> parameters,
                    const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
    auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(
        parameters, {static_cast<size_t>(c10d::kDefaultFirstBucketBytes),
                     static_cast<size_t>(c10d::kDefaultBucketBytesCap)});
    // The last layers have their gradients first.
    std::ranges::reverse(buckets);
    reducer_ = make_reducer(std::move(parameters), std::move(buckets), group);
    reducer_->set_ddp_runtime_logging_sample_rate(1);
    logger_ = std::make_unique<c10d::Logger>(reducer_);
  }
  void before_forward() override {
    reducer_->prepare_for_forward();
    // After the first step: in the order in which gradients were there.
    connected([&] { reducer_->rebuild_buckets(); });
  }
  void before_backward(const torch::Tensor& output) override {
    reducer_->prepare_for_backward({output});
  }
  std::optional<ReductionTimes> times() override {
    constexpr double kNanoseconds = 1e9;
    logger_->set_runtime_stats_and_log();
    const auto data = logger_->get_ddp_logging_data().ints_map;
    const auto all = data.find("backward_comm_time");
    const auto hidden = data.find("backward_compute_comm_overlap_time");
    if (all == data.end() || hidden == data.end()) return std::nullopt;
    return ReductionTimes{
        .all = static_cast<double>(all->second) / kNanoseconds,
        .exposed =
            static_cast<double>(all->second - hidden->second) / kNanoseconds};
  }

 private:
  std::shared_ptr<c10d::Reducer> reducer_;
  std::unique_ptr<c10d::Logger> logger_;  ///< Its times of a step.
};

}  // namespace

std::unique_ptr<GradientReduction> bucketed_reduction(
    std::vector<torch::Tensor> parameters,
    const c10::intrusive_ptr<c10d::ProcessGroup>& group) {
  return std::make_unique<BucketedReduction>(std::move(parameters), group);
}

}  // namespace skipzoo

#endif
