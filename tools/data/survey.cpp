#include "tools/data/survey.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <mutex>
#include <stdexcept>

#include "tools/data/in_threads.h"

namespace skipzoo {

namespace {

PictureKind kind_of_file(const std::filesystem::path& path) {
  if (path.empty()) return PictureKind::kOther;
  std::array<uint8_t, 16> start = {};
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(start.data()), start.size());
  return picture_kind({start.data(), static_cast<size_t>(file.gcount())});
}

/// Sums over the pixels of a channel are exact in 64 bits: kMostPixels times
/// 255 squared is below 2^44.
void add_statistics(const Image& image, PictureFacts& facts) {
  std::array<uint64_t, 3> sum = {}, square = {};
  const auto channels = static_cast<size_t>(image.channels);
  const uint8_t* pixels = image.pixels.data();
  const size_t count = image.pixels.size() / channels;
  facts.is_grey = facts.is_plain = true;
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < channels; ++c) {
      const uint64_t value = pixels[i * channels + c];
      sum[c] += value;
      square[c] += value * value;
      facts.is_grey = facts.is_grey && value == pixels[i * channels];
      facts.is_plain = facts.is_plain && value == pixels[c];
    }
  }
  constexpr double kMost = 255;
  for (size_t c = 0; c < channels; ++c) {
    const auto n = static_cast<double>(count);
    facts.mean[c] = static_cast<double>(sum[c]) / n / kMost;
    facts.square[c] = static_cast<double>(square[c]) / n / (kMost * kMost);
  }
}

PictureFacts facts_of(const Dataset& data, int64_t index) {
  PictureFacts facts{.index = index, .error = {}};
  facts.kind = kind_of_file(data.file(index));
  try {
    const Image image = data.image(index);
    facts.height = image.height;
    facts.width = image.width;
    add_statistics(image, facts);
  } catch (const std::runtime_error& error) {
    facts.error = error.what();
  }
  return facts;
}

}  // namespace

std::vector<PictureFacts> survey(const Dataset& data,
                                 const SurveyOptions& options) {
  const int64_t all = data.size();
  const int64_t count = options.most > 0 ? std::min(options.most, all) : all;
  std::vector<PictureFacts> found(static_cast<size_t>(count));
  std::mutex mutex;
  int64_t done = 0;
  in_threads(count, options.threads, [&](int64_t i) {
    found[static_cast<size_t>(i)] = facts_of(data, i * all / count);
    const std::lock_guard<std::mutex> lock(mutex);
    ++done;
    if (options.on_progress) options.on_progress(done, count);
  });
  return found;
}

ChannelStatistics statistics_of(std::span<const PictureFacts> pictures,
                                int64_t channels) {
  const auto number = static_cast<double>(
      std::ranges::count_if(pictures, &PictureFacts::is_read));
  ChannelStatistics statistics;
  if (number == 0) return statistics;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    double mean = 0, square = 0;
    for (const auto& one : pictures) {
      if (!one.is_read()) continue;
      mean += one.mean[c] / number;
      square += one.square[c] / number;
    }
    statistics.mean.push_back(mean);
    statistics.std.push_back(std::sqrt(std::max(square - mean * mean, 0.0)));
  }
  return statistics;
}

int64_t median_shorter_side(std::span<const PictureFacts> pictures) {
  std::vector<int64_t> sides;
  for (const auto& one : pictures) {
    if (one.is_read()) sides.push_back(std::min(one.height, one.width));
  }
  if (sides.empty()) return 0;
  const auto middle = sides.begin() + std::ssize(sides) / 2;
  std::ranges::nth_element(sides, middle);
  return *middle;
}

}  // namespace skipzoo
