#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "models/attention.h"
#include "models/channel_attention.h"
#include "models/drop_path.h"
#include "models/fields.h"
#include "models/ops.h"
#include "models/shortcut.h"
#include "models/stem.h"

namespace skipzoo {

// What families of residual networks share: the stem, the path past a block,
// the end of its branch, the stages. What stands in a block's own paper, the
// family registers, under names of its own.

/// The first convolution: (N, in, H, W) -> (N, out, H, W), or half the size in
/// ImageNet's stem.
torch::nn::Conv2d stem_convolution(Stem stem, int64_t in, int64_t out);
/// All that stands before the first stage: the convolution, relu(norm), and
/// ImageNet's max pool. norm: null where the blocks begin with one themselves.
torch::Tensor run_stem(const torch::Tensor& images, Stem stem,
                       torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm,
                       const Ops& ops);

/// The way past a residual block, of any of the five kinds.
class ShortcutPath {
 public:
  ShortcutPath(Shortcut kind, int64_t in, int64_t out, int64_t stride);

  /// Whether the block has to register a projection, as `downsample`: that of
  /// layers.h, or a bare 1x1 convolution in a Sequential.
  bool projects() const;
  /// What is added to the block's branch; undefined in the plain network.
  /// downsample: the projection, null without one.
  ///
  /// (N, in, H, W) -> (N, out, H / stride, W / stride), rounded up.
  torch::Tensor forward(const torch::Tensor& x,
                        const torch::nn::Sequential& downsample,
                        const Ops& ops) const;

 private:
  Shortcut kind_;
  int64_t in_, out_, stride_;
};

/// Where a block stands in its network, all stages counted: the index-th, from
/// 0, of count.
struct BlockPlace {
  int64_t index = 0;
  int64_t count = 1;
};

/// What a block is told about itself.
struct BlockShape {
  int64_t in;     ///< Channels of its input.
  int64_t width;  ///< Its own, before an expansion.
  int64_t stride = 1;
  BlockPlace place = {};
};

/// What a family's options say of the end of a block's branch.
struct BranchOptions {
  Shortcut shortcut = Shortcut::kA;
  bool avg_down = false;
  Attention attention = Attention::kNone;
  int64_t se_reduction = 16;
  int64_t se_divisor = 8;
};

/// The end of a block, y = relu(gate * norm(branch) + shortcut(x)): with a gate
/// on the branch's channels (Attention), and a branch that is dropped now and
/// then (DropPath). What else is done to a branch belongs here: all families
/// whose blocks end so have it then.
class BranchEnd {
 public:
  /// Registers in `block`, under names of timm's, what it needs: `se`, the gate
  /// of either kind, `downsample`, where the shortcut projects, and
  /// `drop_path`, where there is one at all. out: the block's channels.
  BranchEnd(torch::nn::Module& block, const BlockShape& shape, int64_t out,
            const BranchOptions& options);

  /// branch: what the block's last convolution makes of x; norm: behind it.
  torch::Tensor operator()(const torch::Tensor& branch,
                           torch::nn::BatchNorm2d& norm, const torch::Tensor& x,
                           const Ops& ops) const;

  /// The projection, null without one.
  torch::nn::Sequential downsample() const { return downsample_; }

 private:
  ShortcutPath shortcut_;
  SqueezeExcite se_{nullptr};
  EfficientChannelAttention eca_{nullptr};
  torch::nn::Sequential downsample_{nullptr};
  DropPath drop_path_{nullptr};
};

/// Adds a line for each pair of fields of a family's stages that contradict
/// each other.
void validate_stages(const std::vector<int64_t>& depths,
                     const std::vector<int64_t>& widths, Shortcut shortcut,
                     Problems& problems);

/// Builds the stages and registers them in `network` as layer1, layer2, …: of
/// depths[i] blocks of widths[i], each made of (BlockShape, options). Every
/// stage but the first halves height and width in its first block.
///
/// in: channels of the stem. Options: has depths and widths. A Block gives
/// width * Block::Impl::kExpansion channels.
template <typename Block, typename Options>
std::vector<torch::nn::Sequential> make_stages(torch::nn::Module& network,
                                               int64_t in,
                                               const Options& options) {
  const auto& depths = options.depths;
  BlockPlace place = {
      .count = std::accumulate(depths.begin(), depths.end(), int64_t{0})};
  std::vector<torch::nn::Sequential> stages;
  for (size_t i = 0; i < depths.size(); ++i) {
    const int64_t width = options.widths[i];
    torch::nn::Sequential stage;
    for (int64_t block = 0; block < depths[i]; ++block) {
      const int64_t stride = i > 0 && block == 0 ? 2 : 1;
      stage->push_back(Block(
          BlockShape{
              .in = in, .width = width, .stride = stride, .place = place},
          options));
      in = width * Block::Impl::kExpansion;
      ++place.index;
    }
    stages.push_back(
        network.register_module("layer" + std::to_string(i + 1), stage));
  }
  return stages;
}

}  // namespace skipzoo
