#include "tools/export/program.h"

#include "models/classifier.h"
#include "models/make_model.h"

namespace skipzoo {

namespace {

/// (1, C, 1, 1) of mean or std; `none` where there are none.
torch::Tensor per_channel(const std::vector<double>& values, double none) {
  const std::vector<double> filled =
      values.empty() ? std::vector<double>{none} : values;
  return torch::tensor(filled, torch::kFloat).view({1, -1, 1, 1});
}

}  // namespace

torch::Tensor random_pictures(at::IntArrayRef shape, Pixels pixels) {
  if (pixels == Pixels::kByte) return torch::randint(256, shape, torch::kByte);
  return pixels == Pixels::kUnit ? torch::rand(shape) : torch::randn(shape);
}

torch::Tensor network_input(const torch::Tensor& pictures,
                            const ProgramOptions& options) {
  if (options.pixels == Pixels::kNormalised) return pictures;
  const double most = options.pixels == Pixels::kByte ? 255 : 1;
  return pictures.to(torch::kFloat)
      .sub(per_channel(options.mean, 0) * most)
      .div(per_channel(options.std, 1) * most);
}

namespace {

/// The network with what is put around it.
class Wrapped {
 public:
  Wrapped(Classifier& model, const ProgramOptions& options)
      : model_(model), options_(options) {
    if (options.pixels == Pixels::kNormalised) return;
    const double most = options.pixels == Pixels::kByte ? 255 : 1;
    mean_ = per_channel(options.mean, 0) * most;
    std_ = per_channel(options.std, 1) * most;
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
    return options_.softmax ? y.softmax(1) : y;
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
