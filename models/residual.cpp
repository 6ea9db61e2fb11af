#include "models/residual.h"

#include "models/layers.h"

namespace skipzoo {

namespace nn = torch::nn;

nn::Conv2d stem_convolution(Stem stem, int64_t in, int64_t out) {
  if (stem == Stem::kCifar) return conv3x3(in, out);
  return nn::Conv2d(
      nn::Conv2dOptions(in, out, 7).stride(2).padding(3).bias(false));
}

torch::Tensor run_stem(const torch::Tensor& images, Stem stem, nn::Conv2d& conv,
                       nn::BatchNorm2d& norm, const Ops& ops) {
  const auto x = ops.conv(images, conv);
  const bool pools = stem == Stem::kImageNet;
  if (!norm) return pools ? stem_pool(x, /*blurs=*/false) : x;
  return pools ? ops.bn_relu_pool(x, norm) : ops.bn_relu(x, norm);
}

ShortcutPath::ShortcutPath(Shortcut kind, int64_t in, int64_t out,
                           int64_t stride)
    : kind_(kind), in_(in), out_(out), stride_(stride) {}

bool ShortcutPath::projects() const {
  return kind_ == Shortcut::kC ||
         (kind_ == Shortcut::kB && (stride_ != 1 || in_ != out_));
}

torch::Tensor ShortcutPath::forward(const torch::Tensor& x,
                                    const nn::Sequential& downsample,
                                    const Ops& ops) const {
  if (kind_ == Shortcut::kNone) return {};
  if (downsample) return project(x, downsample, ops);
  return pad_shortcut(x, out_, stride_, kind_ == Shortcut::kAEnd);
}

BranchEnd::BranchEnd(nn::Module& block, const BlockShape& shape, int64_t out,
                     const BranchOptions& options)
    : shortcut_(options.shortcut, shape.in, out, shape.stride) {
  if (options.attention == Attention::kSe) {
    se_ = block.register_module(
        "se", SqueezeExcite(out, squeezed_channels(out, options.se_reduction,
                                                   options.se_divisor)));
  } else if (options.attention == Attention::kEca) {
    eca_ = block.register_module("se", EfficientChannelAttention(out));
  }
  if (shortcut_.projects()) {
    downsample_ = block.register_module(
        "downsample", options.avg_down
                          ? pooled_projection(shape.in, out, shape.stride)
                          : projection(shape.in, out, shape.stride));
  }
  if (options.shortcut != Shortcut::kNone) {
    drop_path_ = block.register_module("drop_path", DropPath());
  }
}

torch::Tensor BranchEnd::operator()(const torch::Tensor& branch,
                                    nn::BatchNorm2d& norm,
                                    const torch::Tensor& x,
                                    const Ops& ops) const {
  Epilogue epilogue{
      .gate = drop_path_ ? drop_path_->factors(branch) : torch::Tensor(),
      .residual = shortcut_.forward(x, downsample_, ops),
      .relu = true};
  if (se_) {
    epilogue.gate_of = [this](const torch::Tensor& means) {
      return se_.ptr()->forward(means);
    };
  } else if (eca_) {
    epilogue.gate_of = [this](const torch::Tensor& means) {
      return eca_.ptr()->forward(means);
    };
  }
  return ops.bn(branch, norm, epilogue);
}

void validate_stages(const std::vector<int64_t>& depths,
                     const std::vector<int64_t>& widths, Shortcut shortcut,
                     Problems& problems) {
  if (depths.empty())
    problems.emplace_back("depths is empty; give one entry per stage");
  if (depths.size() != widths.size()) {
    problems.push_back(c10::str("depths has ", depths.size(),
                                " entries but widths has ", widths.size(),
                                "; give one width per stage"));
  }
  const bool pads = shortcut == Shortcut::kA || shortcut == Shortcut::kAEnd;
  for (size_t i = 1; pads && i < widths.size(); ++i) {
    if (widths[i] < widths[i - 1]) {
      problems.push_back(c10::str(
          "shortcut A pads channels, so widths must not fall: ", widths[i - 1],
          " then ", widths[i]));
    }
  }
}

}  // namespace skipzoo
