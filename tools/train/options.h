#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/fields.h"
#include "tools/train/distill_options.h"
#include "tools/train/optimizer_options.h"
#include "tools/train/schedule_options.h"

namespace skipzoo {

/// More are more than a process may have on many machines.
constexpr int64_t kMostThreads = 1024;

/// Arithmetic of convolutions and linear layers.
enum class Amp {
  kOff,   ///< float32.
  kBf16,  ///< Autocast to bfloat16; parameters, BatchNorm and losses in
          ///< float32.
  kFp16,  ///< The same to float16, of CUDA alone: with a LossScaler, as its
          ///< least number is 6e-8. What is only evaluated on the CPU is so in
          ///< float32.
};
template <>
struct EnumNames<Amp> {
  static constexpr Named<Amp> values[] = {
      {Amp::kOff, "off"}, {Amp::kBf16, "bf16"}, {Amp::kFp16, "fp16"}};
};

/// Whether a step of training is recorded once and then launched as a whole.
enum class CudaGraphs {
  kAuto,  ///< On CUDA, where the step can be: see RecordedStep.
  kOff,
};
template <>
struct EnumNames<CudaGraphs> {
  static constexpr Named<CudaGraphs> values[] = {{CudaGraphs::kAuto, "auto"},
                                                 {CudaGraphs::kOff, "off"}};
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
  kNone,  ///< All the same.
  /// The rarer, the more: images / (classes * images of it) or, with several
  /// labels a picture, images without it / images of it.
  kBalanced,
};
template <>
struct EnumNames<ClassWeighting> {
  static constexpr Named<ClassWeighting> values[] = {
      {ClassWeighting::kNone, "none"}, {ClassWeighting::kBalanced, "balanced"}};
};

/// What decides which checkpoint is the best.
enum class EvalMetric {
  kTop1,
  kLoss,
  kBalancedAccuracy,  ///< The mean recall of the classes.
  kMacroF1,           ///< The mean F1 of the classes.
  kMap,               ///< The mean average precision of the classes.
};
template <>
struct EnumNames<EvalMetric> {
  static constexpr Named<EvalMetric> values[] = {
      {EvalMetric::kTop1, "top1"},
      {EvalMetric::kLoss, "loss"},
      {EvalMetric::kBalancedAccuracy, "balanced_accuracy"},
      {EvalMetric::kMacroF1, "macro_f1"},
      {EvalMetric::kMap, "map"}};
};

/// What is kept within train.clip_grad.
enum class ClipMode {
  kNorm,   ///< The norm of all gradients, as torch.nn.utils.clip_grad_norm_.
  kValue,  ///< Each number, as torch.nn.utils.clip_grad_value_.
  kAgc,    ///< Each output's norm by that of its weights: clip_gradients().
};
template <>
struct EnumNames<ClipMode> {
  static constexpr Named<ClipMode> values[] = {{ClipMode::kNorm, "norm"},
                                               {ClipMode::kValue, "value"},
                                               {ClipMode::kAgc, "agc"}};
};

/// Of several processes, whose running statistics of BatchNorms are validated
/// and saved with: timm's --dist-bn.
enum class DistBn {
  kBroadcast,  ///< Those of rank 0.
  kReduce,     ///< The mean of all.
};
template <>
struct EnumNames<DistBn> {
  static constexpr Named<DistBn> values[] = {{DistBn::kBroadcast, "broadcast"},
                                             {DistBn::kReduce, "reduce"}};
};

/// A moving average of the weights, evaluated beside them.
struct EmaOptions {
  /// How much of the average stays at an update; 0: there is none.
  double decay = 0;
  /// The average stays less at first, so that it is not of the first weights.
  bool warmup = false;
  /// Steps between two updates.
  int64_t every = 1;

  template <typename Fields>
  void describe(Fields& field) {
    field("decay", decay, "how much of the average stays at an update; 0: none",
          between(0, 0.999999));
    field("warmup", warmup, "it stays less at first, as in timm");
    field("every", every, "steps between two updates", between(1, 1e6));
  }
  bool uses(std::string_view key) const { return decay > 0 || key == "decay"; }
};

struct TrainOptions {
  int64_t epochs = 100;
  /// Of training and evaluation: how many batches fit is counted once, early in
  /// the run (TimeLimit), and there the schedule ends too. 0: as many as there
  /// are in `epochs`, which are the most.
  double max_minutes = 0;
  /// Of the first weights, shuffles, augmentations and dropout.
  int64_t seed = 0;
  /// auto, cpu, cuda or cuda:<index>.
  std::string device = "auto";
  /// 0: OMP_NUM_THREADS, or else all cores.
  int64_t threads = 0;
  Amp amp = Amp::kOff;
  /// The layout that convolutions are fastest in.
  bool channels_last = true;
  CudaGraphs cuda_graph = CudaGraphs::kAuto;
  /// On CUDA, convolutions and matrix products of float32 numbers on tensor
  /// cores, which take them as TF32: float32's range, but 10 bits of mantissa
  /// and not 23; sums stay float32. PyTorch's own default is so for
  /// convolutions (torch.backends.cudnn.allow_tf32) and not for matrix products
  /// (torch.backends.cuda.matmul.allow_tf32).
  bool tf32 = true;
  /// On CUDA, cuDNN tries its algorithms at the first pictures of each size,
  /// and keeps the fastest (torch.backends.cudnn.benchmark; there off).
  bool cudnn_benchmark = true;
  /// On CUDA, cuDNN's algorithms that always give the same numbers, alone, and
  /// none by their speed (torch.backends.cudnn.deterministic).
  bool deterministic = false;
  OptimizerOptions optimizer = {};
  ScheduleOptions schedule = {};
  /// Share of the target that is spread over all classes (Szegedy et al. 2015,
  /// arXiv:1512.00567, section 7).
  double label_smoothing = 0;
  Loss loss = Loss::kCrossEntropy;
  /// bce: targets above it count as 1, all others as 0 (Wightman et al. 2021,
  /// arXiv:2110.00476, section 2); 0: they stay as they are.
  double bce_target_threshold = 0;
  /// By class; a trainer needs them as numbers, or none. With several labels a
  /// picture, how much each class's pictures count against all others:
  /// pos_weight of torch.nn.BCEWithLogitsLoss.
  WordOrNumbers<ClassWeighting> class_weights = {};
  /// How likely the last block's branch is to be left out for an image; that of
  /// the others by the linear rule (set_drop_path()).
  double drop_path = 0;
  /// 0: gradients stay as they are.
  double clip_grad = 0;
  ClipMode clip_mode = ClipMode::kNorm;
  /// Batches whose gradients make one step, weighted by their pictures; at the
  /// end of an epoch those that are left.
  int64_t grad_accum_steps = 1;
  EmaOptions ema = {};
  DistillOptions distill = {};
  EvalMetric eval_metric = EvalMetric::kTop1;
  /// Epochs without a better eval_metric after which a run ends; 0: it does
  /// not.
  int64_t patience = 0;
  /// Epochs whose checkpoints are kept beside last and best: the best of them.
  int64_t checkpoint_hist = 0;
  /// Steps between two checkpoints within an epoch; 0 for none.
  int64_t checkpoint_interval = 0;
  /// Steps between two lines of the log.
  int64_t log_interval = 50;
  /// Of several processes: whether BatchNorms in training see the pictures of
  /// all.
  bool sync_bn = false;
  DistBn dist_bn = DistBn::kBroadcast;
  /// Of several processes: for how many seconds one may not be heard of before
  /// the others end.
  double timeout_s = 30;

  template <typename Fields>
  void describe(Fields& field) {
    field("epochs", epochs, "passes over the training data", at_least(1));
    field("max_minutes", max_minutes,
          "minutes by which the run, and its schedule, is to end, if before "
          "its epochs; 0: no bound",
          between(0, 1e6));
    field("seed", seed, "of weights, shuffles, augmentations and dropout",
          at_least(0));
    field("device", device, "auto, cpu, cuda or cuda:<index>");
    field("threads", threads, "of the CPU; 0: OMP_NUM_THREADS or all cores",
          between(0, kMostThreads));
    field("amp", amp,
          "arithmetic of convolutions: float32, bfloat16 or, on CUDA, float16");
    field("channels_last", channels_last, "memory layout of pictures");
    field(
        "cuda_graph", cuda_graph,
        "on CUDA, a step is recorded once and then launched as a whole, where "
        "it can be");
    field("tf32", tf32,
          "on CUDA, float32 convolutions and matrix products on tensor cores, "
          "with 10 bits of mantissa for 23");
    field("cudnn_benchmark", cudnn_benchmark,
          "on CUDA, whether cuDNN tries its algorithms and keeps the fastest");
    field("deterministic", deterministic,
          "on CUDA, algorithms of cuDNN that always give the same numbers");
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
          "how much each class counts in the loss; with several labels a "
          "picture, its pictures against the others",
          between(0, 1e6));
    field("drop_path", drop_path,
          "how likely a last block's branch is left out for a picture, earlier "
          "ones less (stochastic depth); 0: never",
          between(0, 0.99));
    field("clip_grad", clip_grad, "bound of the gradients; 0: none",
          at_least(0));
    field("clip_mode", clip_mode,
          "what is bounded: the norm of all, each value, or each output's norm "
          "by that of its weights");
    field("grad_accum_steps", grad_accum_steps,
          "batches whose gradients make one step", between(1, 1e6));
    field("ema", ema, "moving average of the weights");
    field("distill", distill, "a network to learn from");
    field("eval_metric", eval_metric, "what decides which checkpoint is best");
    field("patience", patience,
          "epochs without a better eval_metric that end a run; 0: it does not "
          "end early",
          at_least(0));
    field("checkpoint_hist", checkpoint_hist,
          "best epochs that are kept, as checkpoint-<epoch>.skz; 0: none",
          between(0, 1e6));
    field("checkpoint_interval", checkpoint_interval,
          "steps between checkpoints within an epoch; 0: at its end only",
          at_least(0));
    field("log_interval", log_interval, "steps between two lines of the log",
          at_least(1));
    field("sync_bn", sync_bn,
          "of several processes, whether BatchNorms in training see the "
          "pictures of all");
    field(
        "dist_bn", dist_bn,
        "of several processes, whose running statistics an epoch is validated "
        "and saved with: those of the first, or the mean of all, which is "
        "taken in each step");
    field("timeout_s", timeout_s,
          "of several processes, seconds of silence of one after which the "
          "others end",
          between(1, 86400));
  }
  bool uses(std::string_view key) const;
  void validate(Problems& problems) const;
};

}  // namespace skipzoo
