// What several processes that train one network agree on.

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <torch/utils.h>

#include <utility>
#include <vector>

#include "models/classifier.h"
#include "tools/data/random.h"
#include "tools/train/trainer.h"

namespace skipzoo {

namespace {

/// One message rather than one of each tensor.
template <typename Call>
void as_one(const std::vector<torch::Tensor>& tensors, const Call& call) {
  if (tensors.empty()) return;
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> flat;
  for (const auto& tensor : tensors) flat.push_back(tensor.flatten());
  auto all = at::cat(flat);
  call(all);
  int64_t begin = 0;
  for (const auto& tensor : tensors) {
    tensor.copy_(all.narrow(0, begin, tensor.numel()).view(tensor.sizes()));
    begin += tensor.numel();
  }
}

}  // namespace

Trainer::OfStep Trainer::of_step(const Batch& batch) const {
  auto& collective = *parts_.collective;
  const int64_t processes = collective.size();
  if (processes == 1) return {batch.size(), batch.size() < 2};
  if (!parts_.train.may_skip()) {
    const auto all = parts_.train.pictures_of_all(state_.position.epoch,
                                                  state_.position.batch);
    return {all, all < 2 * processes};
  }
  auto counts = at::tensor({batch.size(), int64_t{batch.size() < 2}}, at::kLong)
                    .to(parts_.preprocess.device);
  collective.sum(counts);
  const auto all = counts.to(at::kCPU);
  const auto* count = all.const_data_ptr<int64_t>();
  return {count[0], count[1] > 0};
}

void Trainer::seed_layers() const {
  if (parts_.collective->size() == 1) return;
  Random random(static_cast<uint64_t>(parts_.options.seed),
                static_cast<uint64_t>(state_.position.step) + 1,
                static_cast<uint64_t>(parts_.collective->rank()) + 1);
  torch::manual_seed(random.stream("layers").next());
}

void Trainer::end_step_together(bool is_time, bool is_bad) {
  const Agreed agreed = agree(is_bad);
  if (agreed.is_bad) refuse_loss();
  saves_ = saves_ || is_time || agreed.save;
  // Within a group each process has gradients of its own, which one of them
  // cannot save. Who asked to stop asks again.
  const int64_t done = state_.position.batch;
  if (done % parts_.options.grad_accum_steps != 0 &&
      done < batches_of_epoch()) {
    return;
  }
  if (std::exchange(saves_, false)) save_of_all();
  stops_ = agreed.stop;
}

void Trainer::save_of_all() {
  check_finite();
  metrics_.gather(*parts_.collective);
  recorder_.save(state_);
}

Trainer::Agreed Trainer::agree(bool is_bad) const {
  Agreed own{.stop = asks(parts_.hooks.stop_requested),
             .save = asks(parts_.hooks.save_requested),
             .is_bad = is_bad};
  auto counts = at::tensor({own.stop, own.save, own.is_bad}, at::kInt)
                    .to(parts_.preprocess.device);
  parts_.collective->sum(counts);
  const auto all = counts.to(at::kCPU);
  const auto* count = all.const_data_ptr<int>();
  return {.stop = count[0] > 0, .save = count[1] > 0, .is_bad = count[2] > 0};
}

void Trainer::share_statistics() const {
  auto& collective = *parts_.collective;
  if (collective.size() == 1) return;
  std::vector<torch::Tensor> numbers, counts;
  for (const auto& buffer : parts_.model->buffers()) {
    (buffer.is_floating_point() ? numbers : counts).push_back(buffer);
  }
  as_one(counts, [&](torch::Tensor& all) { collective.broadcast(all); });
  as_one(numbers, [&](torch::Tensor& all) {
    if (parts_.options.dist_bn == DistBn::kBroadcast) {
      return collective.broadcast(all);
    }
    collective.sum(all);
    all.div_(static_cast<double>(collective.size()));
  });
}

void Trainer::share_best() {
  if (parts_.collective->size() == 1) return;
  // Rank 0 may have found that best.skz is not there.
  const Best own = recorder_.best();
  auto numbers = at::tensor({static_cast<double>(own.epoch), own.value,
                             own.by_average ? 1. : 0.},
                            at::kDouble)
                     .to(parts_.preprocess.device);
  parts_.collective->broadcast(numbers);
  const auto all = numbers.to(at::kCPU);
  const auto* number = all.const_data_ptr<double>();
  recorder_.set_best({.epoch = static_cast<int64_t>(number[0]),
                      .value = number[1],
                      .by_average = number[2] > 0});
}

}  // namespace skipzoo
