#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/named_tensors.h"
#include "models/tensor.h"
#include "tools/train/distill_options.h"
#include "tools/train/preprocessing.h"
#include "tools/train/state_section.h"

namespace skipzoo {

/// The network that another learns from.
struct Teacher {
  /// The learning network's normalised images, (N, C, H, W) -> the teacher's
  /// logits, (N, classes), on the same device and without a gradient. Empty:
  /// there is no teacher.
  std::function<torch::Tensor(const torch::Tensor& images)> logits = {};
  /// identity_of() its weights.
  std::string identity = {};
};

/// (1 - weight) * loss + weight * T^2 * KL(softmax(teacher / T) ||
/// softmax(logits / T)), the divergence as its mean over the batch: Hinton et
/// al. 2015 (arXiv:1503.02531), section 2. Its T^2 keeps the gradients of both
/// parts in proportion.
///
/// loss: a scalar, that of the targets. logits, teacher: (N, classes); a
/// teacher's -inf, of a probability of 0, is one.
torch::Tensor distilled_loss(const torch::Tensor& loss,
                             const torch::Tensor& logits,
                             const torch::Tensor& teacher,
                             const DistillOptions& options);

/// Images that were normalised for one network as another would have been given
/// them: turned back into pixels, resized and normalised anew.
class OtherView {
 public:
  /// given: what the images were normalised by. own: the other network's, on
  /// the same device. size: (H, W) of its pictures; empty: as they come.
  OtherView(const Normaliser& given, const Preprocessing& own,
            std::vector<int64_t> size);
  /// float (N, C, H, W) -> float32 (N, C) + size. Bilinear, antialiased as
  /// pictures are in evaluation; what agrees already stays as it is, bit for
  /// bit.
  torch::Tensor operator()(const torch::Tensor& images) const;

 private:
  Normaliser given_;
  Preprocessing own_;
  std::vector<int64_t> size_;
  bool is_normalised_;  ///< Both do the same.
};

/// SHA-256 of weights, in hexadecimal digits: of names, types, shapes and
/// values, whatever their order or file. On the CPU.
std::string identity_of(const NamedTensors& weights);

/// The teacher that a run goes on with: by another it is not gone on.
StateSection teacher_section(const std::string& identity);

}  // namespace skipzoo
