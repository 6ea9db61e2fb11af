#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace skipzoo {

/// Pictures whose likeliest class has a probability within a bin of equal
/// width, of which the first is (0, 1 / bins].
struct ConfidenceBin {
  int64_t pictures = 0;
  double confidence = 0;  ///< Mean of these probabilities; 0 for no picture.
  double accuracy = 0;    ///< Share of them that is right; 0 for no picture.
};

/// In percent: how far confidence and accuracy are apart in a bin, on the mean
/// over the pictures (Guo et al. 2017, arXiv:1706.04599, equation 3); nan for
/// no picture.
double expected_calibration_error(const std::vector<ConfidenceBin>& bins);

/// Accuracy by confidence beside the diagonal of a calibrated network, and the
/// error, as a card (figure 1 there); "" for no picture.
std::string reliability_diagram(const std::vector<ConfidenceBin>& bins);

}  // namespace skipzoo
