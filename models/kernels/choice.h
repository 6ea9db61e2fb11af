#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/fields.h"
#include "models/kernels/verdict.h"
#include "models/tensor.h"

// Which algorithm computes a convolution, told to whoever listens. Where nobody
// does, it costs to look whether somebody does.

namespace skipzoo {

enum class Algorithm {
  kIm2col,
  kWinograd,
  kImplicitGemm,
  kGroups,
  kSmall,
  kPanels,
  kPointwise,
  kDirect,
  kOneDnn,
  kLibTorch,  ///< Its convolution, whichever way it goes.
};
template <>
struct EnumNames<Algorithm> {
  static constexpr Named<Algorithm> values[] = {
      {Algorithm::kIm2col, "im2col"},
      {Algorithm::kWinograd, "winograd"},
      {Algorithm::kImplicitGemm, "implicit_gemm"},
      {Algorithm::kGroups, "grouped_convolution"},
      {Algorithm::kSmall, "small_convolution"},
      {Algorithm::kPanels, "panel_convolution"},
      {Algorithm::kPointwise, "pointwise"},
      {Algorithm::kDirect, "conv3x3"},
      {Algorithm::kOneDnn, "oneDNN"},
      {Algorithm::kLibTorch, "LibTorch"}};
};

/// A convolution that runs, or a linear layer, which has no height and width.
struct ConvolutionCall {
  /// The first number of its weight: in training the parameter's own, which
  /// tells which one it is; null in an engine, whose steps have names.
  const void* weight = nullptr;
  std::vector<int64_t> images;  ///< (N, C, H, W), or (N, features).
  std::vector<int64_t> kernel;  ///< (out, in of a group, height, width)
  int64_t stride = 1;           ///< Of rows; few have another of columns.
  int64_t groups = 1;
  bool wants_input_gradient = false;
};

/// What it runs by, and why.
struct Choice {
  struct Declined {
    Algorithm algorithm;
    Verdict why;
  };
  ConvolutionCall call;
  Algorithm algorithm;
  Verdict why;
  std::vector<Declined> declined = {};  ///< Those asked before, in their order.
};

/// The gradients that a backward pass computes by an algorithm.
struct GradientChoice {
  const void* weight;  ///< As ConvolutionCall's.
  Algorithm algorithm;
  bool of_input, of_weight;
  Verdict why = {};
};

/// Hears of the convolutions of one thread while a Listening of it lives.
class ChoiceListener {
 public:
  virtual ~ChoiceListener() = default;
  /// Before it runs, forward.
  virtual void chosen(const Choice& choice) = 0;
  virtual void gradient(const GradientChoice& /*choice*/) {}
  /// An engine's step begins, named as LayerTime is; empty: it has ended.
  virtual void begin_step(const std::string& /*name*/) {}

  /// A step, while it lives.
  class Step {
   public:
    Step(ChoiceListener& listener, const std::string& name)
        : listener_(listener) {
      listener_.begin_step(name);
    }
    ~Step() { listener_.begin_step({}); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    ChoiceListener& listener_;
  };

  /// Null where nobody listens.
  static ChoiceListener* active() { return current(); }

 private:
  friend class Listening;
  static ChoiceListener*& current() {
    thread_local ChoiceListener* listener = nullptr;
    return listener;
  }
};

/// Lets one listener hear while it lives, and who listened before again then.
class Listening {
 public:
  explicit Listening(ChoiceListener& listener)
      : before_(std::exchange(ChoiceListener::current(), &listener)) {}
  ~Listening() { ChoiceListener::current() = before_; }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  ChoiceListener* before_;
};

/// Asks one algorithm after the other whether it takes a convolution. describe:
/// () -> ConvolutionCall, called where somebody listens.
template <typename Describe>
class Choosing {
 public:
  explicit Choosing(Describe describe)
      : listener_(ChoiceListener::active()), describe_(std::move(describe)) {}

  /// Whether it does; answer: a Verdict or an Offer. The first that does is the
  /// one that runs.
  template <typename Answer>
  bool takes(Algorithm algorithm, const Answer& answer) {
    if (listener_ != nullptr) note(algorithm, verdict_of(answer));
    return static_cast<bool>(answer);
  }

 private:
  void note(Algorithm algorithm, const Verdict& verdict) {
    if (verdict) {
      listener_->chosen({describe_(), algorithm, verdict, declined_});
    } else {
      declined_.push_back({algorithm, verdict});
    }
  }

  ChoiceListener* listener_;
  Describe describe_;
  std::vector<Choice::Declined> declined_;
};

/// Tells of gradients of the convolution by `weight`.
inline void tell_gradients(const at::Tensor& weight, Algorithm algorithm,
                           bool of_input, bool of_weight,
                           const Verdict& why = {}) {
  auto* listener = ChoiceListener::active();
  if (listener == nullptr) return;
  listener->gradient(
      {weight.const_data_ptr(), algorithm, of_input, of_weight, why});
}

}  // namespace skipzoo
