#include "tools/cli/explanations.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "tools/data/heat_map.h"
#include "tools/data/png_writer.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

bool is_within(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

/// The deepest folder that all of these absolute paths lie in.
fs::path common_folder(const std::vector<fs::path>& paths) {
  fs::path folder = paths.front().parent_path();
  for (const auto& path : paths) {
    while (!is_within(path, folder)) folder = folder.parent_path();
  }
  return folder;
}

/// One of a batch, whose pictures stand in memory pixel by pixel.
Image picture_of(const Batch& batch, int64_t n) {
  const auto& images = batch.images;
  Image picture(images.size(1), images.size(2), images.size(3));
  const auto size = picture.pixels.size();
  std::memcpy(picture.pixels.data(),
              images.const_data_ptr<uint8_t>() + static_cast<size_t>(n) * size,
              size);
  return picture;
}

}  // namespace

Explanations::Explanations(const fs::path& folder,
                           const std::vector<fs::path>& pictures,
                           const LoadedNetwork& network) {
  if (network.is_program()) {
    throw ConfigError(
        "--explain: an exported program gives the classes alone; for where it "
        "sees them give the run folder or checkpoint");
  }
  make_folder(folder);
  if (pictures.empty()) return;
  std::vector<fs::path> paths;
  std::set<fs::path> read;
  for (const auto& picture : pictures) {
    paths.push_back(fs::absolute(picture).lexically_normal());
    read.insert(fs::weakly_canonical(picture));
  }
  const auto common = common_folder(paths);
  for (const auto& path : paths) {
    auto place = folder / path.lexically_relative(common);
    place += ".png";
    if (read.contains(fs::weakly_canonical(place))) {
      throw FileError(place,
                      "is a picture to be read; name another folder by "
                      "--explain");
    }
    places_.push_back(std::move(place));
  }
}

void Explanations::write(const Predictor& predictor, const Batch& batch,
                         const torch::Tensor& probabilities) const {
  const auto heat = predictor.heat_maps(batch.images, probabilities.argmax(1));
  const auto* index = batch.indices.const_data_ptr<int64_t>();
  for (int64_t n = 0; n < batch.size(); ++n) {
    const auto png = encode_png(with_heat(picture_of(batch, n), heat[n]));
    write_output(place(index[n]), [&](OutputFile& file) { file.write(png); });
  }
}

}  // namespace skipzoo
