#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/named_tensors.h"
#include "tools/weights/mapping.h"

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace skipzoo {

struct Classifier;

/// What fitted and what did not, name by name.
struct FitReport {
  struct WrongShape {
    std::string name;
    std::vector<int64_t> in_file;
    std::vector<int64_t> in_network;
  };

  std::vector<std::string> fitted;
  std::vector<std::string> missing;  ///< In the network, not in the file.
  /// Of a part as the network has them, but not in it: a deeper one's layers.
  std::vector<std::string> unexpected;
  std::vector<WrongShape> wrong_shape;
  /// Whole numbers where the network has real ones, as in a file that was
  /// quantized by hand; complex ones. A sentence each.
  std::vector<std::string> wrong_type;
  /// In the file, and clearly not of the network: a criterion, a queue, another
  /// network. By the names they have in the file.
  std::vector<std::string> beside;
  /// Rules that renamed, with how many names: ("module. dropped", 97).
  std::vector<std::pair<std::string, int64_t>> renamed;
  /// Counters of BatchNorm that files before PyTorch 0.4.1 lack.
  std::vector<std::string> filled;
  /// What was changed to fit, one sentence each: the first convolution, a head
  /// that is left as it was in the network.
  std::vector<std::string> adapted;
  /// Whether nothing in the file is the last layer, which is a new one then.
  bool lacks_head = false;

  /// Whether every tensor of the network has found its counterpart, and every
  /// one in the file that is of such a network.
  bool complete() const {
    return missing.empty() && unexpected.empty() && wrong_shape.empty() &&
           wrong_type.empty();
  }
  /// The first few names of each kind, for people; one line a kind.
  std::string text() const;
  /// What is beside the network, on one line; empty for nothing.
  std::string text_of_beside() const;
};

/// Whether a last layer that does not fit is an error, or left as it is in the
/// network, to be trained anew.
enum class Head { kMustFit, kMayBeNew };

/// Weights matched to a network; nothing is copied yet.
class Fit {
 public:
  /// Maps the names of other systems to the network's and compares all names
  /// and shapes. Known: the family's own rules (Classifier::name_rules()) and,
  /// for every network, whatever stands in front of all names (module.,
  /// backbone., module.encoder_q.; the first in the file where several networks
  /// fit), other names of heads, heads in a Sequential (fc.1) or that are a 1x1
  /// convolution, first convolutions for another number of channels.
  Fit(const NamedTensors& file, const Classifier& model,
      Head head = Head::kMustFit);

  const FitReport& report() const { return report_; }
  /// Copies what fitted into the network that the fit was made for, to its
  /// types, and zeroes the counters that were filled.
  void copy() const;

 private:
  void match(const NamedTensors& file, const Mapping& mapping,
             const std::string& head);
  void leave_out(const std::string& head);

  NamedTensors own_;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> pairs_;
  FitReport report_;
};

/// Copies weights into a network that has just these names and shapes. Throws
/// std::runtime_error with the first entry that is missing, unexpected or of
/// another shape; nothing is copied then.
void copy_exactly(const NamedTensors& weights, torch::nn::Module& model);

}  // namespace skipzoo
