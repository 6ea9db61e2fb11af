#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace skipzoo {

/// What is recorded of a layer with weights in an epoch.
struct LayerRow {
  int64_t epoch = 0;  ///< 0: before training.
  std::string layer;  ///< Registered name: "layer1.0.conv1".
  /// L2 norm of its weight's gradient, as the optimizer gets it: the mean over
  /// the steps of the epoch; before training, of one batch.
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();
  /// Of its outputs, over pictures, channels and places, on the same batch at
  /// the end of each epoch.
  double signal_variance = std::numeric_limits<double>::quiet_NaN();
  /// |update| / |weight| of a step, the mean over those of the epoch.
  double update_ratio = std::numeric_limits<double>::quiet_NaN();
};

/// layers.csv: a line a row, layers in the order they run, numbers that read
/// back bit for bit. Written whole. Throws FileError.
void write_layers(const std::filesystem::path& file,
                  const std::vector<LayerRow>& rows);
/// Throws FileError where it is not there or malformed.
std::vector<LayerRow> read_layers(const std::filesystem::path& file);

/// The rows of one epoch, in their order.
std::vector<LayerRow> rows_of_epoch(const std::vector<LayerRow>& rows,
                                    int64_t epoch);
/// The gradient norm of the first convolution over that of the last, in an
/// epoch: the network's last layer, the linear one, is left aside. nan where
/// there are no two.
double gradient_ratio(const std::vector<LayerRow>& rows, int64_t epoch);
/// The geometric mean of it over the epochs of training; nan where a factor is.
double gradient_ratio_in_training(const std::vector<LayerRow>& rows);

}  // namespace skipzoo
