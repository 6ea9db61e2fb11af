#pragma once

#include <string>
#include <vector>

namespace skipzoo {

/// What a file holds besides the weights that were taken: a tensor by its name,
/// or a dict or list of tensors by its key.
struct LeftOut {
  std::string name;
  std::string why;  ///< As in "beside the weights", "a quantized tensor".
  /// Of an optimizer or the like, as any training checkpoint holds it.
  bool of_training = false;
};

/// "left out: 3 (best_acc1: beside the weights; …)", on one line, for people:
/// how many, and the first few by name. Empty where nothing is left out.
std::string text_of(const std::vector<LeftOut>& left_out);

}  // namespace skipzoo
