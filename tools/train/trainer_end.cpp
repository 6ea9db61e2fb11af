// Where a run ends: after its epochs, or after what train.max_minutes is for.

#include <ATen/ops/full.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "tools/train/schedule.h"
#include "tools/train/trainer.h"

namespace skipzoo {

namespace {

/// Batches of a whole epoch; 1 where there is none, which is told elsewhere.
int64_t length_of(const Loader& train) {
  return std::max<int64_t>(train.batches(), 1);
}

}  // namespace

bool Trainer::is_over() const {
  const int64_t epoch = state_.position.epoch;
  if (epoch >= parts_.options.epochs) return true;
  const auto limit = limit_.batches();
  if (!limit) return false;
  const int64_t length = length_of(parts_.train);
  return epoch >= *limit / length + (*limit % length > 0 ? 1 : 0);
}

int64_t Trainer::batches_done() const {
  return state_.position.epoch * length_of(parts_.train) +
         state_.position.batch;
}

int64_t Trainer::batches_of_epoch() const {
  const int64_t length = parts_.train.batches_in(state_.position.epoch);
  const auto limit = limit_.batches();
  if (!limit) return length;
  return std::min(length,
                  *limit - state_.position.epoch * length_of(parts_.train));
}

double Trainer::end_in_epochs() const {
  const auto epochs = static_cast<double>(parts_.options.epochs);
  const auto limit = limit_.batches();
  if (!limit) return epochs;
  const int64_t length = length_of(parts_.train);
  const int64_t parts = parts_.options.grad_accum_steps;
  const auto steps = static_cast<double>((length + parts - 1) / parts);
  const auto last = static_cast<double>((*limit % length + parts - 1) / parts);
  return std::min(epochs, static_cast<double>(*limit / length) + last / steps);
}

double Trainer::lr_of(int64_t batch) const {
  // Of steps, which are batches unless some of them make one.
  const int64_t parts = parts_.options.grad_accum_steps;
  const auto steps =
      static_cast<double>((parts_.train.batches() + parts - 1) / parts);
  const double progress = static_cast<double>(state_.position.epoch) +
                          static_cast<double>(batch / parts) / steps;
  return learning_rate(parts_.options.schedule, plateau_.lr(), progress,
                       1 / steps, end_in_epochs());
}

void Trainer::time_batch() {
  check_finite();  // On a GPU it waits for what is being computed.
  if (!parts_.collective->any(limit_.after_batch(seconds_now()))) return;
  const double evaluation = evaluation_seconds();
  // Of several processes the first decides.
  auto number =
      at::full({},
               limit_.fitting(batches_done(), length_of(parts_.train),
                              evaluation, seconds_now()),
               at::TensorOptions(parts_.preprocess.device).dtype(at::kLong));
  parts_.collective->broadcast(number);
  limit_.fix(number.item<int64_t>());
  spdlog::info("train.max_minutes: {:.3g} s a batch, {:.3g} s an evaluation",
               limit_.seconds_per_batch(), evaluation);
  log_end();
}

double Trainer::evaluation_seconds() {
  constexpr int64_t kTimed = 5;
  int64_t done = 0;
  double start = seconds_now();
  // The first batch is slow, and counts where there is no other.
  evaluate(
      forward_of(*parts_.model, parts_.options.amp), parts_.validation,
      parts_.preprocess,
      [&] {
        if (++done == 1 && parts_.validation.batches() > 1) {
          start = seconds_now();
        }
        return done > kTimed;
      },
      parts_.collective);
  const double spent = seconds_now() - start;
  const auto timed = static_cast<double>(std::max<int64_t>(done - 1, 1));
  const double whole =
      spent / timed * static_cast<double>(parts_.validation.batches());
  return callbacks_.averages() ? 2 * whole : whole;
}

void Trainer::log_end() const {
  spdlog::info(
      "train.max_minutes: the run ends after {:.4g} of {} epochs, {} batches",
      end_in_epochs(), parts_.options.epochs, *limit_.batches());
}

}  // namespace skipzoo
