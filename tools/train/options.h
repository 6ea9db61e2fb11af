#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/fields.h"

namespace skipzoo {

/// More are more than a process may have on many machines.
constexpr int64_t kMostThreads = 1024;

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

enum class ScheduleKind { kConstant, kStep, kMultistep, kCosine };
template <>
struct EnumNames<ScheduleKind> {
  static constexpr Named<ScheduleKind> values[] = {
      {ScheduleKind::kConstant, "constant"},
      {ScheduleKind::kStep, "step"},
      {ScheduleKind::kMultistep, "multistep"},
      {ScheduleKind::kCosine, "cosine"}};
};

/// Which rate the steps of a warm-up have.
enum class Warmup {
  kLinear,     ///< From one step above warmup_lr; the last step has lr.
  kFromStart,  ///< From warmup_lr itself, often 0: runs of older versions.
};
template <>
struct EnumNames<Warmup> {
  static constexpr Named<Warmup> values[] = {
      {Warmup::kLinear, "linear"}, {Warmup::kFromStart, "from_start"}};
};

/// The learning rate as a function of progress, in epochs.
struct ScheduleOptions {
  ScheduleKind name = ScheduleKind::kCosine;
  /// step: multiplies by gamma every so many epochs.
  int64_t step_epochs = 30;
  /// multistep: multiplies by gamma at each of these epochs.
  std::vector<int64_t> milestones;
  double gamma = 0.1;
  /// A straight line from warmup_lr to lr, before any of them.
  double warmup_epochs = 0;
  double warmup_lr = 0;
  /// Kept by a run that goes on; a new one has no reason to change it.
  Warmup warmup = Warmup::kLinear;
  /// cosine: where it ends.
  double min_lr = 0;

  template <typename Fields>
  void describe(Fields& field) {
    field("name", name, "shape of the learning rate over the epochs");
    field("step_epochs", step_epochs, "epochs between two steps", at_least(1));
    field("milestones", milestones, "epochs at which multistep drops",
          each(at_least(1)));
    field("gamma", gamma, "what a step or milestone multiplies by", above(0));
    field("warmup_epochs", warmup_epochs,
          "epochs of linear warm-up, counted in", at_least(0));
    field("warmup_lr", warmup_lr, "where the warm-up starts", at_least(0));
    field("warmup", warmup,
          "linear: no step stands at warmup_lr; from_start: the first one "
          "does, as in runs of older versions");
    field("min_lr", min_lr, "where the cosine ends", at_least(0));
  }
  bool uses(std::string_view key) const;
  void validate(Problems& problems) const;
};

/// Arithmetic of convolutions and linear layers.
enum class Amp {
  kOff,   ///< float32.
  kBf16,  ///< Autocast to bfloat16; parameters, BatchNorm and losses in
          ///< float32.
};
template <>
struct EnumNames<Amp> {
  static constexpr Named<Amp> values[] = {{Amp::kOff, "off"},
                                          {Amp::kBf16, "bf16"}};
};

/// What training minimises.
enum class Loss {
  kCrossEntropy,  ///< Of the softmax over all classes.
  kBce,           ///< Binary cross entropy of each class by itself.
};
template <>
struct EnumNames<Loss> {
  static constexpr Named<Loss> values[] = {
      {Loss::kCrossEntropy, "cross_entropy"}, {Loss::kBce, "bce"}};
};

/// How much the classes count in the loss.
enum class ClassWeighting {
  kNone,      ///< All the same.
  kBalanced,  ///< The rarer, the more: images / (classes * images of it).
};
template <>
struct EnumNames<ClassWeighting> {
  static constexpr Named<ClassWeighting> values[] = {
      {ClassWeighting::kNone, "none"}, {ClassWeighting::kBalanced, "balanced"}};
};

/// What decides which checkpoint is the best.
enum class EvalMetric { kTop1, kLoss };
template <>
struct EnumNames<EvalMetric> {
  static constexpr Named<EvalMetric> values[] = {{EvalMetric::kTop1, "top1"},
                                                 {EvalMetric::kLoss, "loss"}};
};

struct TrainOptions {
  int64_t epochs = 100;
  /// Of the first weights, shuffles, augmentations and dropout.
  int64_t seed = 0;
  /// auto, cpu, cuda or cuda:<index>.
  std::string device = "auto";
  /// 0: OMP_NUM_THREADS, or else all cores.
  int64_t threads = 0;
  Amp amp = Amp::kOff;
  /// The layout that convolutions are fastest in.
  bool channels_last = true;
  OptimizerOptions optimizer = {};
  ScheduleOptions schedule = {};
  /// Share of the target that is spread over all classes (Szegedy et al. 2015,
  /// arXiv:1512.00567, section 7).
  double label_smoothing = 0;
  Loss loss = Loss::kCrossEntropy;
  /// bce: targets above it count as 1, all others as 0 (Wightman et al. 2021,
  /// arXiv:2110.00476, section 2); 0: they stay as they are.
  double bce_target_threshold = 0;
  /// By class; a trainer needs them as numbers, or none.
  WordOrNumbers<ClassWeighting> class_weights = {};
  EvalMetric eval_metric = EvalMetric::kTop1;
  /// Steps between two checkpoints within an epoch; 0 for none.
  int64_t checkpoint_interval = 0;
  /// Steps between two lines of the log.
  int64_t log_interval = 50;

  template <typename Fields>
  void describe(Fields& field) {
    field("epochs", epochs, "passes over the training data", at_least(1));
    field("seed", seed, "of weights, shuffles, augmentations and dropout",
          at_least(0));
    field("device", device, "auto, cpu, cuda or cuda:<index>");
    field("threads", threads, "of the CPU; 0: OMP_NUM_THREADS or all cores",
          between(0, kMostThreads));
    field("amp", amp, "arithmetic of convolutions: float32 or bfloat16");
    field("channels_last", channels_last, "memory layout of pictures");
    field("optimizer", optimizer, "");
    field("schedule", schedule, "");
    field("label_smoothing", label_smoothing,
          "share of the target spread over all classes", between(0, 0.99));
    field("loss", loss,
          "cross entropy of the softmax, or binary of each class by itself");
    field("bce_target_threshold", bce_target_threshold,
          "with bce, targets above it count as 1, all others as 0; 0: as they "
          "are",
          between(0, 0.99));
    field("class_weights", class_weights,
          "how much each class counts in the loss", between(0, 1e6));
    field("eval_metric", eval_metric, "what decides which checkpoint is best");
    field("checkpoint_interval", checkpoint_interval,
          "steps between checkpoints within an epoch; 0: at its end only",
          at_least(0));
    field("log_interval", log_interval, "steps between two lines of the log",
          at_least(1));
  }
  bool uses(std::string_view key) const;
  void validate(Problems& problems) const;
};

}  // namespace skipzoo
