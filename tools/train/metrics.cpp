#include "tools/train/metrics.h"

#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace skipzoo {

RunningMetrics::RunningMetrics(torch::Device device)
    : sums_(at::empty({4}, at::TensorOptions(device).dtype(torch::kDouble))) {
  reset();
}

void RunningMetrics::reset() {
  sums_.zero_();
  sums_[3].fill_(-1);
}

void RunningMetrics::add(const torch::Tensor& loss, const torch::Tensor& logits,
                         const Targets& targets, int64_t step) {
  torch::NoGradGuard no_grad;
  const int64_t images = targets.size();
  sums_[0].add_(loss.to(torch::kDouble), static_cast<double>(images));
  sums_[1].add_(targets.hits(logits.argmax(1)).sum());
  sums_[2].add_(static_cast<double>(images));
  const auto is_first =
      loss.isfinite().logical_not().logical_and(sums_[3].lt(0));
  sums_[3].masked_fill_(is_first, static_cast<double>(step));
}

EpochMetrics RunningMetrics::mean(Collective& collective) const {
  auto all = sums_.slice(0, 0, 3).clone();
  collective.sum(all);
  const auto sums = all.to(torch::kCPU);
  const auto* value = sums.const_data_ptr<double>();
  const double images = value[2];
  if (images == 0) return {};
  return {.loss = value[0] / images,
          .top1 = 100 * value[1] / images,
          .images = static_cast<int64_t>(images)};
}

void RunningMetrics::gather(Collective& collective) {
  if (collective.size() == 1) return;
  auto all = sums_.slice(0, 0, 3).clone();
  collective.sum(all);
  if (collective.rank() > 0) all.zero_();
  sums_.slice(0, 0, 3).copy_(all);
}

int64_t RunningMetrics::first_bad_step() const {
  return static_cast<int64_t>(sums_[3].item<double>());
}

StateSection RunningMetrics::section() {
  const auto load = [this](const NamedTensors& saved) {
    if (saved.size() != 1 || saved[0].second.sizes() != sums_.sizes() ||
        saved[0].second.scalar_type() != torch::kDouble) {
      throw std::runtime_error("its metrics are no sums of an epoch");
    }
    sums_.copy_(saved[0].second);
  };
  return {.name = "metrics",
          .save =
              [this] {
                return NamedTensors{
                    {"", sums_.to(torch::kCPU, false, /*copy=*/true)}};
              },
          .load = load};
}

EvaluationSums::EvaluationSums(int64_t num_classes, torch::Device device)
    : loss_(at::zeros({}, at::TensorOptions(device).dtype(torch::kDouble))),
      top5_(at::zeros({}, at::TensorOptions(device).dtype(torch::kLong))),
      confusion_(at::zeros({num_classes * num_classes}, top5_.options())),
      classes_(num_classes) {}

void EvaluationSums::add(const torch::Tensor& logits,
                         const torch::Tensor& labels) {
  const auto values = logits.to(torch::kFloat);
  loss_ += torch::nn::functional::cross_entropy(
               values, labels,
               torch::nn::functional::CrossEntropyFuncOptions().reduction(
                   torch::kSum))
               .to(torch::kDouble);
  const auto best = std::get<1>(values.topk(std::min<int64_t>(5, classes_), 1));
  top5_ += best.eq(labels.unsqueeze(1)).sum();
  const auto cell = labels * classes_ + best.select(1, 0);
  confusion_.scatter_add_(0, cell, at::ones_like(cell));
}

Evaluation EvaluationSums::result(Collective& collective) const {
  Evaluation result;
  auto loss = loss_.clone(), top5 = top5_.clone(), cells = confusion_.clone();
  for (auto* sum : {&loss, &top5, &cells}) collective.sum(*sum);
  const auto confusion = cells.to(torch::kCPU);
  const auto* cell = confusion.const_data_ptr<int64_t>();
  int64_t right = 0;
  for (int64_t t = 0; t < classes_; ++t) {
    result.confusion.emplace_back(cell, cell + classes_);
    right += cell[t];
    cell += classes_;
  }
  result.images = confusion.sum().item<int64_t>();
  if (result.images == 0) return result;
  const auto images = static_cast<double>(result.images);
  result.loss = loss.item<double>() / images;
  result.top1 = 100 * static_cast<double>(right) / images;
  result.top5 = 100 * static_cast<double>(top5.item<int64_t>()) / images;
  return result;
}

torch::Tensor packed(const Confusion& confusion) {
  std::vector<int64_t> entries;
  for (size_t of = 0; of < confusion.size(); ++of) {
    for (size_t as = 0; as < confusion[of].size(); ++as) {
      if (confusion[of][as] == 0) continue;
      entries.insert(entries.end(),
                     {static_cast<int64_t>(of), static_cast<int64_t>(as),
                      confusion[of][as]});
    }
  }
  return at::tensor(entries, torch::kLong).view({-1, 3});
}

Confusion unpacked(const torch::Tensor& entries, int64_t classes) {
  const bool fits = entries.dim() == 2 && entries.size(1) == 3 &&
                    entries.scalar_type() == torch::kLong &&
                    (entries.size(0) == 0 ||
                     (entries.min().item<int64_t>() >= 0 &&
                      entries.slice(1, 0, 2).max().item<int64_t>() < classes));
  if (!fits) throw std::runtime_error("holds confusions of other classes");
  const auto size = static_cast<size_t>(classes);
  Confusion confusion(size, std::vector<int64_t>(size));
  const auto own = entries.contiguous();
  const auto* entry = own.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < own.size(0); ++i, entry += 3) {
    confusion[static_cast<size_t>(entry[0])][static_cast<size_t>(entry[1])] =
        entry[2];
  }
  return confusion;
}

std::vector<ClassScores> class_scores(const Confusion& confusion) {
  std::vector<ClassScores> scores(confusion.size());
  const auto share = [](int64_t part, int64_t whole) {
    return whole == 0 ? 0
                      : static_cast<double>(part) / static_cast<double>(whole);
  };
  // Row by row: a column of a large one is all over memory.
  for (size_t of = 0; of < confusion.size(); ++of) {
    for (size_t as = 0; as < confusion.size(); ++as) {
      scores[of].images += confusion[of][as];
      scores[as].predicted += confusion[of][as];
    }
  }
  for (size_t c = 0; c < confusion.size(); ++c) {
    auto& score = scores[c];
    const int64_t right = confusion[c][c];
    score.precision = share(right, score.predicted);
    score.recall = share(right, score.images);
    score.f1 = share(2 * right, score.images + score.predicted);
  }
  return scores;
}

namespace {

/// In percent; 0 where there is none.
double mean_of(const std::vector<ClassScores>& scores, double ClassScores::*one,
               const std::function<bool(const ClassScores&)>& counts) {
  double sum = 0;
  int64_t classes = 0;
  for (const auto& score : scores) {
    if (!counts(score)) continue;
    sum += score.*one;
    ++classes;
  }
  return classes == 0 ? 0 : 100 * sum / static_cast<double>(classes);
}

}  // namespace

double balanced_accuracy(const Confusion& confusion) {
  return mean_of(class_scores(confusion), &ClassScores::recall,
                 [](const ClassScores& one) { return one.images > 0; });
}

double macro_f1(const Confusion& confusion) {
  return mean_of(class_scores(confusion), &ClassScores::f1,
                 [](const ClassScores& one) {
                   return one.images > 0 || one.predicted > 0;
                 });
}

}  // namespace skipzoo
