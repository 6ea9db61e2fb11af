#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/fields.h"

namespace skipzoo {

enum class OptimizerKind {
  kSgd,
  kAdamW,
  kRmsprop,
  kLamb,
  kLion,
  kNadamW,
  kMuon
};
template <>
struct EnumNames<OptimizerKind> {
  static constexpr Named<OptimizerKind> values[] = {
      {OptimizerKind::kSgd, "sgd"},         {OptimizerKind::kAdamW, "adamw"},
      {OptimizerKind::kRmsprop, "rmsprop"}, {OptimizerKind::kLamb, "lamb"},
      {OptimizerKind::kLion, "lion"},       {OptimizerKind::kNadamW, "nadamw"},
      {OptimizerKind::kMuon, "muon"}};
};

/// What Muon multiplies the learning rate of a matrix (A, B) by.
enum class AdjustLr {
  /// 0.2 * sqrt(max(A, B)): steps as large as AdamW's, whose rate and decay
  /// then suit both (Liu et al. 2025, arXiv:2502.16982, section 2.2).
  kMatchRmsAdamW,
  kOriginal,  ///< sqrt(max(1, A / B)), as Keller Jordan.
};
template <>
struct EnumNames<AdjustLr> {
  static constexpr Named<AdjustLr> values[] = {
      {AdjustLr::kMatchRmsAdamW, "match_rms_adamw"},
      {AdjustLr::kOriginal, "original"}};
};

/// Slow weights that follow the optimizer's (Zhang et al. 2019,
/// arXiv:1907.08610, algorithm 1).
struct LookaheadOptions {
  int64_t k = 0;
  double alpha = 0.5;

  template <typename Fields>
  void describe(Fields& field) {
    field("k", k, "steps between two of the slow weights; 0: none",
          between(0, 1e6));
    field("alpha", alpha, "share of the way that the slow weights go",
          Rule{.low = 0, .high = 1, .excludes_low = true});
  }
  bool uses(std::string_view key) const { return key != "alpha" || k > 0; }
};

struct OptimizerOptions {
  OptimizerKind name = OptimizerKind::kSgd;
  /// The learning rate that the schedule starts from.
  double lr = 0.1;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 1e-4;
  /// No decay on what has one dimension: BatchNorms and biases (He et al. 2018,
  /// arXiv:1812.01187, section 3.1).
  bool no_decay_norm_bias = false;
  std::vector<double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double alpha = 0.99;
  AdjustLr adjust_lr_fn = AdjustLr::kMatchRmsAdamW;
  LookaheadOptions lookahead = {};

  template <typename Fields>
  void describe(Fields& field) {
    field("name", name,
          "how the weights are moved; muon moves vectors and the head by "
          "AdamW");
    field("lr", lr, "learning rate that the schedule starts from", above(0));
    field("momentum", momentum, "momentum of SGD, RMSprop and Muon",
          between(0, 0.9999));
    field("nesterov", nesterov, "Nesterov's momentum");
    field("weight_decay", weight_decay, "pull of the weights to zero",
          at_least(0));
    field("no_decay_norm_bias", no_decay_norm_bias,
          "no weight decay on BatchNorms and biases");
    field("betas", betas, "the two decays of Adam's kin; Lion's: [0.9, 0.99]",
          each(between(0, 0.999999)));
    field("eps", eps, "floor under the deviation, of Adam's kin and RMSprop",
          above(0));
    field("alpha", alpha, "RMSprop's decay of the squares",
          between(0, 0.999999));
    field("adjust_lr_fn", adjust_lr_fn,
          "what Muon's rate grows by with a matrix: to steps as AdamW's, or "
          "as in the original");
    field("lookahead", lookahead, "slow weights around any optimizer");
  }
  bool uses(std::string_view key) const;
  void validate(Problems& problems) const;
};

}  // namespace skipzoo
