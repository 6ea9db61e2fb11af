#pragma once

#include <string>

#include "tools/data/data_file.h"
#include "tools/data/dataset.h"

namespace skipzoo {

/// A data set of pictures that are a file() each.
class FileDataset : public Dataset {
 public:
  explicit FileDataset(const ReadImage& how) : how_(how) {}

  std::filesystem::path file(int64_t index) const override = 0;
  Image image(int64_t index) const override {
    return read_image(file(index), how_);
  }
  Image part(int64_t index, const ChooseWindow& choose) const override {
    return read_image(file(index), how_, choose);
  }
  std::string name(int64_t index) const override {
    return file(index).string();
  }
  std::string content(int64_t index) const override {
    return content_of(read_data_file(file(index), kMostBytesOfPicture));
  }

 private:
  ReadImage how_;
};

}  // namespace skipzoo
