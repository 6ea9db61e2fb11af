#include "models/kernels/cuda/ways.h"

#include <ATen/Context.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <sstream>
#include <utility>

namespace skipzoo {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Lets cuDNN try its algorithms while it lives, if there is time for that.
class Trial {
 public:
  explicit Trial(double& seconds_left) : seconds_left_(seconds_left) {
    if (seconds_left > 0) at::globalContext().setBenchmarkCuDNN(true);
  }
  ~Trial() {
    at::globalContext().setBenchmarkCuDNN(before_);
    seconds_left_ -= seconds_since(start_);
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

 private:
  double& seconds_left_;
  bool before_ = at::globalContext().benchmarkCuDNN();
  Clock::time_point start_ = Clock::now();
};

/// How far two kernels of one type may be from each other, in the norm.
double rounding_of(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return 1e-10;
    case at::kBFloat16:
      return 2e-2;
    case at::kHalf:
      return 4e-3;
    default:
      return 4e-3;  // TensorFloat-32 has the digits of a half.
  }
}

}  // namespace

Ways::Ways(std::vector<Way> ways, std::function<void()> wait, std::string name,
           std::shared_ptr<Search> search)
    : ways_(std::move(ways)),
      wait_(std::move(wait)),
      name_(std::move(name)),
      search_(std::move(search)) {}

torch::Tensor Ways::operator()(const torch::Tensor& x, const torch::Tensor& z) {
  // What cuDNN took for one convolution it takes from then on.
  constexpr int64_t kWorthATrial = 16;
  const int64_t batch = x.size(0);
  // What a clock chooses is another from run to run.
  const bool deterministic = at::globalContext().deterministicCuDNN();
  if (batch == 0 || deterministic) return ways_[0](x, z);
  const auto [seen, is_new] = chosen_.emplace(batch, -1);
  if (seen->second < 0) {
    seen->second = is_new ? known(x, z) : find_out(x, z);
  }
  if (seen->second >= 0) return ways_[static_cast<size_t>(seen->second)](x, z);
  if (batch < kWorthATrial) return ways_[0](x, z);
  const std::lock_guard<std::mutex> lock(search_->mutex);
  const Trial trial(search_->seconds_left);
  return ways_[0](x, z);
}

int64_t Ways::chosen(int64_t batch) const {
  const auto seen = chosen_.find(batch);
  return seen == chosen_.end() ? -1 : seen->second;
}

std::string Ways::key_of(const torch::Tensor& x, const torch::Tensor& z) const {
  std::ostringstream key;
  key << name_ << ' ' << x.device() << ' ' << x.scalar_type() << ' '
      << x.sizes() << ' ' << z.defined();
  return key.str();
}

int64_t Ways::known(const torch::Tensor& x, const torch::Tensor& z) const {
  const std::lock_guard<std::mutex> lock(search_->mutex);
  const auto before = search_->chosen.find(key_of(x, z));
  return before == search_->chosen.end() ? -1 : before->second;
}

int64_t Ways::find_out(const torch::Tensor& x, const torch::Tensor& z) const {
  const int64_t before = known(x, z);
  if (before >= 0) return before;
  const std::lock_guard<std::mutex> lock(search_->mutex);
  const Trial trial(search_->seconds_left);
  if (ways_.size() == 1) ways_[0](x, z);  // Of which cuDNN may have several.
  const auto best = static_cast<int64_t>(ways_.size() > 1 ? choose(x, z) : 0);
  return search_->chosen[key_of(x, z)] = best;
}

size_t Ways::choose(const torch::Tensor& x, const torch::Tensor& z) const {
  const auto expected = ways_[0](x, z);
  std::vector<size_t> right = {0};
  for (size_t i = 1; i < ways_.size(); ++i) {
    if (gives(ways_[i], x, z, expected)) right.push_back(i);
  }
  if (right.size() == 1) return 0;
  std::vector<double> seconds;
  for (const size_t i : right) seconds.push_back(seconds_of(ways_[i], x, z));
  return right[static_cast<size_t>(
      std::min_element(seconds.begin(), seconds.end()) - seconds.begin())];
}

bool Ways::gives(const Way& way, const torch::Tensor& x, const torch::Tensor& z,
                 const torch::Tensor& expected) const {
  // The allocator gives the same memory again: who reads what it is to write,
  // times zero, shows it.
  at::empty_like(expected).fill_(std::numeric_limits<double>::quiet_NaN());
  torch::Tensor found;
  try {
    found = way(x, z);
  } catch (const c10::Error&) {
    return false;  // It has none for this.
  }
  if (found.sizes() != expected.sizes()) return false;
  const auto exact = expected.to(at::kFloat);
  const double error = found.to(at::kFloat).sub(exact).norm().item<double>();
  return error <= rounding_of(expected.scalar_type()) *
                      std::max(exact.norm().item<double>(), 1e-6);
}

double Ways::seconds_of(const Way& way, const torch::Tensor& x,
                        const torch::Tensor& z) const {
  constexpr int kRounds = 3, kRuns = 4;
  way(x, z);  // Libraries choose their algorithms.
  double least = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    wait_();
    const auto start = Clock::now();
    for (int run = 0; run < kRuns; ++run) way(x, z);
    wait_();
    least = std::min(least, seconds_since(start));
  }
  return least;
}

}  // namespace skipzoo
