#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tools/data/dataset.h"
#include "tools/data/picture_kind.h"

namespace skipzoo {

/// What a picture is, without its pixels.
struct PictureFacts {
  int64_t index = 0;  ///< In its data set.
  std::string error;  ///< Why it cannot be read; empty: all else is known.
  PictureKind kind = PictureKind::kOther;  ///< kOther where it is no file.
  int64_t height = 0, width = 0;           ///< Upright.
  bool is_grey = false;                    ///< Its channels are equal.
  bool is_plain = false;                   ///< Its pixels are.
  /// Of each channel, of pixels in 0..1: their mean, and that of their squares.
  std::array<double, 3> mean = {}, square = {};

  bool is_read() const { return error.empty(); }
};

/// How pictures are looked at.
struct SurveyOptions {
  /// At most so many, evenly spaced; 0: all.
  int64_t most = 0;
  int64_t threads = 1;
  /// Called now and then with how many are done, one call at a time.
  std::function<void(int64_t done, int64_t all)> on_progress = {};
};

/// Reads pictures, whole, in the order of a data set.
std::vector<PictureFacts> survey(const Dataset& data,
                                 const SurveyOptions& options);

/// Mean and standard deviation of the pixels in 0..1, each channel by itself,
/// where every picture counts alike: what data.mean and data.std take. Pictures
/// that could not be read are left out; empty where none was.
struct ChannelStatistics {
  std::vector<double> mean, std;
};
ChannelStatistics statistics_of(std::span<const PictureFacts> pictures,
                                int64_t channels);

/// The middle one of the shorter sides of those that were read; 0: none was.
int64_t median_shorter_side(std::span<const PictureFacts> pictures);

}  // namespace skipzoo
