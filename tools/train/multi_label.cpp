#include "tools/train/multi_label.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "tools/train/metrics.h"

namespace skipzoo {

namespace {

/// Of the classes that some picture has; 0 where none has any.
double percent_of(const std::vector<LabelScores>& scores,
                  double LabelScores::*one) {
  double sum = 0;
  int64_t classes = 0;
  for (const auto& score : scores) {
    if (score.images == 0) continue;
    sum += score.*one;
    ++classes;
  }
  return classes == 0 ? 0 : 100 * sum / static_cast<double>(classes);
}

/// Calls `use` with each class's ranking, one at a time.
template <typename Use>
void for_each_ranking(const ScoredPictures& pictures, Use use) {
  // A row each class.
  const auto probabilities = pictures.probabilities.t().contiguous();
  const auto labels = pictures.labels.t().contiguous();
  const auto count = static_cast<size_t>(labels.size(1));
  const auto* probability = probabilities.const_data_ptr<float>();
  const auto* label = labels.const_data_ptr<uint8_t>();
  for (int64_t c = 0; c < labels.size(0); ++c) {
    use(Ranking({probability, count}, {label, count}));
    probability += count;
    label += count;
  }
}

}  // namespace

std::vector<Ranking> rankings_of(const ScoredPictures& pictures) {
  std::vector<Ranking> rankings;
  for_each_ranking(pictures, [&](Ranking ranking) {
    rankings.push_back(std::move(ranking));
  });
  return rankings;
}

std::vector<LabelScores> label_scores(const ScoredPictures& pictures,
                                      std::span<const double> thresholds) {
  std::vector<LabelScores> scores;
  for_each_ranking(pictures, [&](const Ranking& ranking) {
    scores.push_back(ranking.at(thresholds.empty()
                                    ? ranking.best_threshold()
                                    : thresholds[scores.size()]));
  });
  return scores;
}

double mean_average_precision(const std::vector<LabelScores>& scores) {
  return percent_of(scores, &LabelScores::average_precision);
}

double mean_f1(const std::vector<LabelScores>& scores) {
  return percent_of(scores, &LabelScores::f1);
}

std::vector<double> thresholds_of(const std::vector<LabelScores>& scores) {
  std::vector<double> thresholds;
  for (const auto& one : scores) thresholds.push_back(one.threshold);
  return thresholds;
}

namespace {

constexpr int64_t kFigures = 6;

}  // namespace

torch::Tensor packed(const std::vector<LabelScores>& scores) {
  std::vector<double> rows;
  for (const auto& one : scores) {
    rows.insert(rows.end(),
                {one.average_precision, one.threshold, one.precision,
                 one.recall, one.f1, static_cast<double>(one.images)});
  }
  return at::tensor(rows, torch::kDouble).view({-1, kFigures});
}

std::vector<LabelScores> unpacked_scores(const torch::Tensor& rows,
                                         int64_t classes) {
  const bool fits = rows.dim() == 2 && rows.size(0) == classes &&
                    rows.size(1) == kFigures &&
                    rows.scalar_type() == torch::kDouble &&
                    rows.isfinite().all().item<bool>();
  if (!fits) throw std::runtime_error("holds scores of other classes");
  std::vector<LabelScores> scores;
  const auto own = rows.contiguous();
  const auto* row = own.const_data_ptr<double>();
  for (int64_t c = 0; c < classes; ++c, row += kFigures) {
    constexpr double kMostImages = 9e15;  // Whole numbers up to here.
    scores.push_back(
        {.average_precision = row[0],
         .threshold = row[1],
         .precision = row[2],
         .recall = row[3],
         .f1 = row[4],
         .images = static_cast<int64_t>(std::clamp(row[5], 0., kMostImages))});
  }
  return scores;
}

ScoreTable::ScoreTable(const Dataset& dataset)
    : dataset_(dataset),
      probabilities_(at::zeros({dataset.size(), std::ssize(dataset.classes())},
                               torch::kFloat)),
      seen_(at::zeros({dataset.size()}, torch::kFloat)) {}

void ScoreTable::add(const torch::Tensor& indices,
                     const torch::Tensor& probabilities) {
  probabilities_.index_copy_(0, indices,
                             probabilities.to(torch::kCPU, torch::kFloat));
  seen_.index_fill_(0, indices, 1);
}

ScoredPictures ScoreTable::result(Collective& collective,
                                  torch::Device device) const {
  auto probabilities = probabilities_, seen = seen_;
  if (collective.size() > 1) {
    probabilities = probabilities.to(device, false, /*copy=*/true);
    seen = seen.to(device, false, /*copy=*/true);
    collective.sum(probabilities);
    collective.sum(seen);
    probabilities = probabilities.to(torch::kCPU);
    seen = seen.to(torch::kCPU);
    // Seen by two, it counts once.
    probabilities = probabilities.div(seen.clamp_min(1).unsqueeze(1));
  }
  const auto rows = seen.nonzero().squeeze(1);
  const auto classes = std::ssize(dataset_.classes());
  auto labels = at::zeros({rows.size(0), classes}, torch::kByte);
  auto* label = labels.mutable_data_ptr<uint8_t>();
  const auto* row = rows.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < rows.size(0); ++i, label += classes) {
    for (const int64_t one : dataset_.labels(row[i])) label[one] = 1;
  }
  return {.probabilities = probabilities.index_select(0, rows),
          .labels = labels};
}

MultiLabelSums::MultiLabelSums(torch::Device device)
    : sums_(at::zeros({4}, at::TensorOptions(device).dtype(torch::kDouble))) {}

void MultiLabelSums::add(const torch::Tensor& logits, const Targets& targets) {
  namespace F = torch::nn::functional;
  const auto values = logits.to(torch::kFloat);
  const int64_t images = targets.size();
  constexpr int64_t kFew = 5;
  const auto loss = F::binary_cross_entropy_with_logits(values, targets.values);
  const auto first =
      std::get<1>(values.topk(std::min(kFew, values.size(1)), 1));
  const auto hits = targets.values.gather(1, first).ge(0.5);
  sums_[0].add_(loss.to(torch::kDouble), static_cast<double>(images));
  sums_[1].add_(hits.select(1, 0).sum());
  sums_[2].add_(hits.any(1).sum());
  sums_[3].add_(static_cast<double>(images));
}

Evaluation MultiLabelSums::result(Collective& collective) const {
  auto all = sums_.clone();
  collective.sum(all);
  const auto sums = all.to(torch::kCPU);
  const auto* value = sums.const_data_ptr<double>();
  Evaluation result;
  result.images = static_cast<int64_t>(value[3]);
  if (result.images == 0) return result;
  result.loss = value[0] / value[3];
  result.top1 = 100 * value[1] / value[3];
  result.top5 = 100 * value[2] / value[3];
  return result;
}

}  // namespace skipzoo
