#include <nlohmann/json.hpp>

#include "tools/data/dataset.h"
#include "tools/data/picture_files.h"
#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Class names go into JSON, which knows nothing else.
bool is_utf8(const std::string& text) {
  try {
    nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

/// Pictures in class folders; only their paths are kept.
class ImageFolder : public Dataset {
 public:
  ImageFolder(const fs::path& folder, int64_t channels) : channels_(channels) {
    if (!fs::is_directory(folder)) {
      throw FileError(folder,
                      "no such folder; data.root must hold the folders "
                      "named by data.train_split and data.val_split, "
                      "each with one folder a class");
    }
    for (const auto& path : sorted_entries(folder)) {
      if (fs::is_directory(path)) add_class(path);
    }
    if (classes_.empty()) {
      throw FileError(folder,
                      "holds no class folders; expected one folder of "
                      "JPEG or PNG files for each class");
    }
  }

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  Image image(int64_t index) const override {
    return read_image(files_[static_cast<size_t>(index)], channels_);
  }
  int64_t label(int64_t index) const override {
    return labels_[static_cast<size_t>(index)];
  }
  std::string name(int64_t index) const override {
    return files_[static_cast<size_t>(index)].string();
  }
  const std::vector<std::string>& classes() const override { return classes_; }

 private:
  void add_class(const fs::path& folder) {
    const size_t before = files_.size();
    for (const auto& path : sorted_entries(folder)) {
      if (!is_picture(path)) continue;
      files_.push_back(path);
      labels_.push_back(static_cast<int64_t>(classes_.size()));
    }
    if (files_.size() == before) {
      throw FileError(folder,
                      "an empty class folder: no JPEG or PNG in it; "
                      "remove the folder or fill it");
    }
    const std::string name = folder.filename().string();
    if (!is_utf8(name)) {
      throw FileError(folder,
                      "a class name that is not UTF-8; rename the "
                      "folder");
    }
    classes_.push_back(name);
  }

  int64_t channels_;
  std::vector<fs::path> files_;
  std::vector<int64_t> labels_;
  std::vector<std::string> classes_;
};

}  // namespace

DatasetPtr open_image_folder(const fs::path& folder, int64_t channels,
                             int64_t num_classes) {
  auto dataset = std::make_shared<ImageFolder>(folder, channels);
  const auto found = static_cast<int64_t>(dataset->classes().size());
  if (found != num_classes) {
    throw FileError(folder, "holds " + std::to_string(found) +
                                " class folders, but model.num_classes is " +
                                std::to_string(num_classes));
  }
  return dataset;
}

}  // namespace skipzoo
