#include "tools/study/loss_surface.h"

#include <ATen/CPUGeneratorImpl.h>

#include <charconv>
#include <sstream>
#include <string>

#include "models/classifier.h"
#include "models/eval_mode.h"
#include "tools/config/fields.h"
#include "tools/file.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

constexpr const char* kSurfaceHeader = "first,second,loss";

/// Moves a network's weights while it lives.
class MovedWeights {
 public:
  explicit MovedWeights(Classifier& model) : weights_(model.parameters()) {
    for (const auto& weight : weights_) own_.push_back(weight.detach().clone());
  }
  // A copy of what they were: what was added need not come off to the bit.
  ~MovedWeights() { to({}, 0, {}, 0); }
  MovedWeights(const MovedWeights&) = delete;
  MovedWeights& operator=(const MovedWeights&) = delete;

  void to(const std::vector<torch::Tensor>& first, double a,
          const std::vector<torch::Tensor>& second, double b) {
    const torch::NoGradGuard no_grad;
    for (size_t i = 0; i < weights_.size(); ++i) {
      weights_[i].copy_(own_[i]);
      if (a != 0) weights_[i].add_(first[i], a);
      if (b != 0) weights_[i].add_(second[i], b);
    }
  }

 private:
  std::vector<torch::Tensor> weights_;
  std::vector<torch::Tensor> own_;
};

}  // namespace

std::vector<torch::Tensor> filter_normalised_direction(const Classifier& model,
                                                       int64_t seed) {
  const torch::NoGradGuard no_grad;
  auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
  std::vector<torch::Tensor> direction;
  for (const auto& weight : model.parameters()) {
    if (weight.dim() < 2) {
      direction.push_back(torch::zeros_like(weight));
      continue;
    }
    // Drawn on the CPU, so that every device has the same.
    const auto drawn =
        torch::randn(weight.sizes(), generator, torch::kFloat).to(weight);
    const auto norms = [&](const torch::Tensor& filters) {
      std::vector<int64_t> shape(static_cast<size_t>(weight.dim()), 1);
      shape[0] = weight.size(0);
      return filters.flatten(1).norm(2, 1).reshape(shape);
    };
    direction.push_back(drawn * (norms(weight) / (norms(drawn) + 1e-10)));
  }
  return direction;
}

LossSurface loss_surface(Classifier& model, const ProbeBatch& batch,
                         const Objective& objective, int64_t points,
                         int64_t seed) {
  const torch::NoGradGuard no_grad;
  const EvalMode eval(model);
  const auto first = filter_normalised_direction(model, 2 * seed);
  const auto second = filter_normalised_direction(model, 2 * seed + 1);
  MovedWeights weights(model);
  LossSurface surface{.points = points, .loss = {}};
  for (int64_t b = 0; b < points; ++b) {
    for (int64_t a = 0; a < points; ++a) {
      weights.to(first, surface.place(a), second, surface.place(b));
      surface.loss.push_back(
          objective(model.forward(batch.images).to(torch::kFloat),
                    batch.targets)
              .item<double>());
    }
  }
  return surface;
}

void write_surface(const std::filesystem::path& file,
                   const LossSurface& surface) {
  std::string text = std::string(kSurfaceHeader) + "\n";
  for (int64_t b = 0; b < surface.points; ++b) {
    for (int64_t a = 0; a < surface.points; ++a) {
      text += to_text(surface.place(a)) + "," + to_text(surface.place(b)) +
              "," + to_text(surface.at(a, b)) + "\n";
    }
  }
  write_whole(file, text);
}

LossSurface read_surface(const std::filesystem::path& file, int64_t points) {
  std::error_code unknown;
  if (!std::filesystem::exists(file, unknown)) return {};
  const auto bytes = read_file(file);
  std::istringstream in(std::string(bytes.begin(), bytes.end()));
  LossSurface surface{.points = points, .loss = {}};
  std::string line;
  if (!std::getline(in, line) || line != kSurfaceHeader) return {};
  while (std::getline(in, line)) {
    const auto* end = line.data() + line.size();
    double value = 0;
    const auto [stop, error] =
        std::from_chars(line.data() + line.rfind(',') + 1, end, value);
    if (error != std::errc() || stop != end) return {};
    surface.loss.push_back(value);
  }
  return std::ssize(surface.loss) == points * points ? surface : LossSurface();
}

}  // namespace skipzoo
