#include "tools/train/time_limit.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace skipzoo {

namespace {

constexpr int64_t kUntimed = 3;
constexpr int64_t kTimed = 20;
constexpr double kLeastShare = 1.0 / 50, kMostShare = 1.0 / 10;
/// More than any run has; products with numbers of an epoch fit 64 bits.
constexpr double kMostBatches = 1e15;

}  // namespace

void TimeLimit::scale(double factor) {
  if (batches_ == 0) return;
  batches_ = std::max<int64_t>(
      1, std::llround(static_cast<double>(batches_) * factor));
}

std::optional<int64_t> TimeLimit::batches() const {
  if (minutes_ == 0 || batches_ == 0) return std::nullopt;
  return batches_;
}

double TimeLimit::seconds_per_batch() const {
  return seconds_ / static_cast<double>(std::max<int64_t>(timed_, 1));
}

void TimeLimit::begin_epoch(double now) {
  if (!start_) start_ = now;
  mark_ = now;
}

bool TimeLimit::after_batch(double now) {
  if (++seen_ > std::max(kUntimed, slow_)) {
    ++timed_;
    seconds_ += now - mark_;
  }
  mark_ = now;
  const double share = (now - *start_) / (60 * minutes_);
  return (timed_ >= kTimed && share >= kLeastShare) ||
         (timed_ >= 1 && share >= kMostShare);
}

int64_t TimeLimit::fitting(int64_t done, int64_t per_epoch, double evaluation,
                           double now) const {
  constexpr double kLeastSeconds = 1e-9;  // A clock may stand still.
  const double batch = std::max(seconds_per_batch(), kLeastSeconds);
  const auto length = static_cast<double>(per_epoch);
  const auto fit = [&](double seconds) {
    return std::floor(std::max(seconds - evaluation, 0.0) / batch);
  };
  double left = 60 * minutes_ - (now - *start_);
  // None where an epoch has just ended, whose evaluation is to come.
  const auto rest =
      static_cast<double>((per_epoch - done % per_epoch) % per_epoch);
  double more = std::min(fit(left), rest);
  if (more == rest) {
    left -= rest * batch + evaluation;
    const double epochs =
        std::floor(std::max(left, 0.0) / (length * batch + evaluation));
    left -= epochs * (length * batch + evaluation);
    more += epochs * length + std::min(fit(left), length);
  }
  return done + static_cast<int64_t>(std::min(more, kMostBatches));
}

StateSection TimeLimit::section() {
  return {
      .name = "time_limit",
      .save = [this]() -> NamedTensors {
        if (!batches()) return {};
        const auto state = at::zeros({2}, at::kDouble);
        auto* values = state.mutable_data_ptr<double>();
        values[0] = minutes_;
        values[1] = static_cast<double>(batches_);
        return {{"", state}};
      },
      .load =
          [this](const NamedTensors& saved) {
            if (minutes_ == 0) return;
            const auto& state = saved.front().second;
            if (state.numel() != 2 || state.scalar_type() != at::kDouble) {
              throw std::runtime_error("the time limit's state does not fit");
            }
            const auto values = state.contiguous();
            const auto* value = values.const_data_ptr<double>();
            const double number = value[1] * (minutes_ / value[0]);
            if (!(value[0] > 0) || !(value[1] >= 1) || !(number >= 0) ||
                value[1] > 2 * kMostBatches) {
              throw std::runtime_error(
                  "the time limit is no number of batches");
            }
            batches_ = std::max<int64_t>(
                1, std::llround(std::min(number, kMostBatches)));
          },
      .is_optional = true};
}

}  // namespace skipzoo
