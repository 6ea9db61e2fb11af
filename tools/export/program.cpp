#include "tools/export/program.h"

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/data/transform.h"

namespace skipzoo {

namespace {

/// What a program does to the pictures that it takes.
Normaliser normaliser_of(const ProgramOptions& options) {
  return {options.mean, options.std, torch::kCPU,
          options.pixels == Pixels::kByte ? 255.0 : 1.0};
}

}  // namespace

torch::Tensor random_pictures(at::IntArrayRef shape, Pixels pixels) {
  if (pixels == Pixels::kByte) return torch::randint(256, shape, torch::kByte);
  return pixels == Pixels::kUnit ? torch::rand(shape) : torch::randn(shape);
}

torch::Tensor network_input(const torch::Tensor& pictures,
                            const ProgramOptions& options) {
  if (options.pixels == Pixels::kNormalised) return pictures;
  return normaliser_of(options)(pictures);
}

torch::Tensor probabilities_of(const torch::Tensor& logits,
                               const ProgramOptions& options) {
  return options.softmax   ? logits.softmax(1)
         : options.sigmoid ? logits.sigmoid()
                           : logits;
}

namespace {

/// The network with what is put around it.
class Wrapped {
 public:
  Wrapped(Classifier& model, const ProgramOptions& options)
      : model_(model), options_(options) {
    if (options.pixels == Pixels::kNormalised) return;
    const auto normaliser = normaliser_of(options);
    mean_ = normaliser.shift();
    std_ = normaliser.scale();
  }

  /// The network's tensors and its own. Buffers, not constants: those would
  /// stay on the CPU when a program is moved.
  NamedTensors tensors() const {
    auto all = state_dict(model_);
    if (mean_.defined()) {
      all.emplace_back("normalize.mean", mean_);
      all.emplace_back("normalize.std", std_);
    }
    return all;
  }

  torch::Tensor operator()(torch::Tensor x) const {
    if (options_.pixels == Pixels::kByte) x = x.to(torch::kFloat);
    if (mean_.defined()) x = x.sub(mean_).div(std_);
    const bool casts = options_.type != torch::kFloat;
    if (casts) x = x.to(options_.type);
    auto y = model_.forward(x);
    if (casts) y = y.to(torch::kFloat);
    return probabilities_of(y, options_);
  }

 private:
  Classifier& model_;
  const ProgramOptions& options_;
  torch::Tensor mean_;  ///< Of the pixels as they come; null: none.
  torch::Tensor std_;
};

}  // namespace

Program trace_program(Classifier& model, const ProgramOptions& options,
                      at::IntArrayRef shape) {
  const Wrapped wrapped(model, options);
  return trace(
      wrapped.tensors(),
      [&](const torch::Tensor& pictures) { return wrapped(pictures); },
      random_pictures(shape, options.pixels));
}

}  // namespace skipzoo
