#include <spdlog/spdlog.h>

#include <algorithm>

#include "tools/data/file_dataset.h"
#include "tools/data/picture_files.h"
#include "tools/data/picture_kind.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/utf8.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Class names go into JSON, which knows UTF-8 alone, and into lists of one
/// name a line.
void check_name(const fs::path& folder, const std::string& name) {
  if (!is_utf8(name)) {
    throw FileError(folder,
                    "a class name that is not UTF-8; rename the folder");
  }
  if (std::ranges::any_of(name, [](unsigned char c) { return c < 0x20; })) {
    throw FileError(on_one_line(folder.string()),
                    "a class name with a line end or another control "
                    "character, which lists of names cannot hold; rename the "
                    "folder");
  }
}

bool is_folder(const fs::directory_entry& entry) {
  std::error_code broken;
  return entry.is_directory(broken);
}

/// Adds the pictures in and below a folder. Links to folders are not followed:
/// they may lead round in a circle.
void add_below(const fs::path& folder, std::vector<fs::path>& files,
               PassedOver& others) {
  for (const auto& entry : sorted_entries(folder)) {
    std::error_code broken;
    if (!is_folder(entry)) {
      if (is_picture(entry.path())) {
        files.push_back(entry.path());
      } else {
        others.add_file(entry.path());
      }
    } else if (entry.is_symlink(broken)) {
      ++others.links;
    } else {
      try {
        add_below(entry.path(), files, others);
      } catch (const FileError&) {
        ++others.broken;
      }
    }
  }
}

/// The folders below one that hold pictures themselves, by their paths in it.
void add_leaves(const fs::path& folder, const fs::path& within,
                std::vector<std::string>& names) {
  bool has_pictures = false;
  std::vector<fs::path> below;
  for (const auto& entry : sorted_entries(folder / within)) {
    std::error_code broken;
    if (!is_folder(entry)) {
      has_pictures = has_pictures || is_picture(entry.path());
    } else if (within.empty() || !entry.is_symlink(broken)) {
      below.push_back(within / entry.path().filename());
    }
  }
  if (has_pictures && !within.empty()) names.push_back(within.generic_string());
  for (const auto& one : below) add_leaves(folder, one, names);
}

/// Pictures in class folders; only their paths are kept.
class ImageFolder : public FileDataset {
 public:
  ImageFolder(const fs::path& folder, const ReadImage& how, ClassFolders which)
      : FileDataset(how), folder_(folder) {
    for (const auto& entry : sorted_entries(folder)) {
      if (is_folder(entry)) continue;
      if (is_picture(entry.path()) || is_other_picture(entry.path())) {
        ++passed_over_.beside_classes;
      } else {
        passed_over_.add_file(entry.path());
      }
    }
    for (const auto& name : class_folders(folder, which)) {
      add_class(name, which);
    }
    const auto others = passed_over_.text();
    if (classes_.empty()) {
      throw FileError(folder,
                      "holds no class folders; expected one folder of "
                      "pictures for each class" +
                          (others.empty() ? "" : "; there are " + others));
    }
    if (!others.empty()) {
      spdlog::warn("{}: passed over: {}", folder.string(), others);
    }
  }

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  int64_t label(int64_t index) const override {
    return labels_[static_cast<size_t>(index)];
  }
  std::string key(int64_t index) const override {
    return file(index).lexically_relative(folder_).string();
  }
  fs::path file(int64_t index) const override {
    return files_[static_cast<size_t>(index)];
  }
  const std::vector<std::string>& classes() const override { return classes_; }

 private:
  void add_class(const std::string& name, ClassFolders which) {
    const fs::path folder = folder_ / name;
    const size_t before = files_.size();
    PassedOver others;
    if (which == ClassFolders::kTop) {
      add_below(folder, files_, others);
    } else {
      for (const auto& entry : sorted_entries(folder)) {
        if (is_folder(entry)) continue;  // A class of its own, or empty.
        if (is_picture(entry.path())) {
          files_.push_back(entry.path());
        } else {
          others.add_file(entry.path());
        }
      }
    }
    if (files_.size() == before) refuse_empty(folder, others);
    labels_.resize(files_.size(), static_cast<int64_t>(classes_.size()));
    passed_over_.add(others);
    classes_.push_back(name);
  }

  [[noreturn]] static void refuse_empty(const fs::path& folder,
                                        const PassedOver& others) {
    const auto text = others.text();
    throw FileError(folder,
                    "an empty class folder: no " + kinds_read("or") +
                        " in or below it; remove the folder or fill it" +
                        (text.empty() ? "" : "; there are " + text));
  }

  fs::path folder_;
  std::vector<fs::path> files_;
  std::vector<int64_t> labels_;
  std::vector<std::string> classes_;
  PassedOver passed_over_;
};

/// What lies beside a folder that is not there, so that it can be named. Throws
/// FileError where the folder around it is not there either.
std::string beside(const fs::path& folder) {
  const auto around = folder.parent_path();
  std::error_code error;
  if (!fs::is_directory(around, error)) {
    throw FileError(around, fs::exists(around, error)
                                ? "is a file; data.root is a folder of class "
                                  "folders, and a table is data.csv"
                                : "no such folder; data.root is the one that "
                                  "holds the class folders or the splits");
  }
  const auto names = class_folders(around, ClassFolders::kTop);
  if (!names.empty()) return "; there are " + quoted_list(names);
  return std::ranges::any_of(
             sorted_entries(around),
             [](const auto& entry) { return is_picture(entry.path()); })
             ? "; there are pictures, and no folders: one a class is expected"
             : "; there are no folders in it";
}

}  // namespace

std::vector<std::string> class_folders(const fs::path& folder,
                                       ClassFolders which) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw FileError(folder,
                    "no such folder; data.root must hold the folders named by "
                    "data.train_split and data.val_split, each with one "
                    "folder a class" +
                        beside(folder));
  }
  std::vector<std::string> names;
  if (which == ClassFolders::kLeaf) {
    add_leaves(folder, {}, names);
    std::ranges::sort(names);
    return names;
  }
  for (const auto& entry : sorted_entries(folder)) {
    if (is_folder(entry)) names.push_back(entry.path().filename().string());
  }
  return names;
}

DatasetPtr open_image_folder(const fs::path& folder, const ReadImage& how,
                             int64_t num_classes, ClassFolders which) {
  const auto names = class_folders(folder, which);
  for (const auto& name : names) check_name(folder / name, name);
  const auto found = static_cast<int64_t>(names.size());
  if (found > 0 && found != num_classes) {
    throw FileError(folder, "holds " + std::to_string(found) +
                                " class folders, but model.num_classes is " +
                                std::to_string(num_classes) + "; they are " +
                                quoted_list(names));
  }
  return std::make_shared<ImageFolder>(folder, how, which);
}

}  // namespace skipzoo
