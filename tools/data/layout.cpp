#include "tools/data/layout.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "tools/data/csv_dataset.h"
#include "tools/data/passed_over.h"
#include "tools/data/picture_files.h"
#include "tools/data/split_names.h"
#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Folders in a folder; none where it cannot be listed.
std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> folders;
  try {
    for (const auto& entry : sorted_entries(folder)) {
      std::error_code broken;
      if (entry.is_directory(broken)) folders.push_back(entry.path());
    }
  } catch (const FileError&) {  // Whoever opens it says so.
  }
  return folders;
}

/// Stops at the first: of pictures there may be many.
bool holds_folders(const fs::path& folder) {
  std::error_code error, broken;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_directory(broken) && !is_hidden(it->path())) return true;
  }
  return false;
}

/// A split holds class folders; a class may be called "train" as well.
std::vector<std::string> names_of_splits(const fs::path& root) {
  std::vector<std::string> names;
  for (const auto& folder : folders_in(root)) {
    if (holds_folders(folder)) names.push_back(folder.filename().string());
  }
  return names;
}

bool holds_pictures(const fs::path& folder, int depth) {
  try {
    for (const auto& entry : sorted_entries(folder)) {
      std::error_code broken;
      if (!entry.is_directory(broken)) {
        if (is_picture(entry.path())) return true;
      } else if (depth > 0 && holds_pictures(entry.path(), depth - 1)) {
        return true;
      }
    }
  } catch (const FileError&) {
  }
  return false;
}

const std::string& name_asked_for(const DataOptions& options, Split split) {
  return split == Split::kTrain ? options.train_split : options.val_split;
}

/// Takes a name that is there for the one asked for.
void take(const std::string& found, const char* key, std::string& name) {
  if (found == name) return;
  spdlog::info("{}: '{}' is not there; taken is '{}'", key, name, found);
  name = found;
}

void hold_out_some(DataOptions& options, const std::string& why) {
  if (options.holdout > 0) return;
  options.holdout = kUsualHoldout;
  spdlog::info(
      "data.holdout: {} of the pictures are held out to validate on: {}",
      kUsualHoldout, why);
}

/// Whether val_split is what nobody chose.
bool is_default_val_split(const DataOptions& options) {
  return options.val_split == DataOptions().val_split;
}

void lay_out(DataOptions& options, const std::vector<std::string>& splits,
             const std::string& place) {
  const auto train = split_meant_by(options.train_split, splits);
  if (!train) return;  // Opening it says what is wrong.
  take(*train, "data.train_split", options.train_split);
  if (options.holdout > 0) return;
  const auto val = split_meant_by(options.val_split, splits);
  if (val) {
    take(*val, "data.val_split", options.val_split);
    const auto other = split_meant_by("val", splits);
    if (other && *other != *val) {
      spdlog::warn(
          "{} has '{}' and '{}': the best epoch is chosen by '{}'; to keep "
          "that unseen, --set data.val_split={}",
          place, *other, *val, *val, *other);
    }
  } else if (is_default_val_split(options)) {
    hold_out_some(options, place + " has no split but '" + *train + "'");
  }
}

/// Where no class folder holds a picture itself, the folders in them may be
/// what is meant.
void say_where_nested(const DataOptions& options) {
  if (options.class_folders != ClassFolders::kTop) return;
  const auto folder = folder_of_split(options, Split::kTrain);
  const auto classes = folders_in(folder);
  const auto holds_some = [](const fs::path& one) {
    return holds_pictures(one, /*depth=*/0);
  };
  if (classes.empty() || std::ranges::any_of(classes, holds_some)) return;
  const auto leaves = class_folders(folder, ClassFolders::kLeaf);
  if (leaves.size() <= classes.size()) return;
  spdlog::info(
      "data.class_folders: the {} class folders of {} hold folders themselves, "
      "as {}; 'leaf' takes each of those {} for a class",
      classes.size(), folder.string(), leaves.front(), leaves.size());
}

void find_several_labels(DataOptions& options) {
  if (options.multi_label != MultiLabel::kAuto) return;
  const auto place = place_of_several_labels(options);
  options.multi_label = place.empty() ? MultiLabel::kFalse : MultiLabel::kTrue;
  if (place.empty()) return;
  spdlog::info("data.multi_label: several labels a picture, as {} has in {}",
               options.csv.string(), place);
}

}  // namespace

bool is_flat(const DataOptions& options) {
  const auto splits = names_of_splits(options.root);
  if (split_meant_by(options.train_split, splits) ||
      split_meant_by(options.val_split, splits)) {
    return false;
  }
  constexpr int kDepth = 3;  // Of folders in class folders.
  return std::ranges::any_of(folders_in(options.root), [](const fs::path& one) {
    return holds_pictures(one, kDepth);
  });
}

fs::path folder_of_split(const DataOptions& options, Split split) {
  const auto& asked = name_asked_for(options, split);
  if (asked == ".") return options.root;
  if (holds_folders(options.root / asked)) return options.root / asked;
  const auto meant = split_meant_by(asked, names_of_splits(options.root));
  if (meant) return options.root / *meant;
  return is_flat(options) ? options.root : options.root / asked;
}

DataOptions as_laid_out(DataOptions options) {
  if (options.dataset == DatasetKind::kCsv) {
    const auto splits = splits_of_csv(options);
    if (splits.empty()) {
      hold_out_some(options, options.csv.string() + " has no column of splits");
    } else {
      lay_out(options, splits, options.csv.string());
    }
    find_several_labels(options);
    return options;
  }
  if (options.dataset != DatasetKind::kImageFolder) return options;
  if (options.train_split != "." && is_flat(options)) {
    spdlog::info("data.root: {} holds class folders and no splits",
                 options.root.string());
    options.train_split = ".";
  }
  if (options.train_split == ".") {
    hold_out_some(options, "there are no splits");
  } else {
    lay_out(options, names_of_splits(options.root), options.root.string());
  }
  say_where_nested(options);
  return options;
}

DataOptions data_at(const fs::path& place) {
  DataOptions options;
  std::error_code error;
  if (!fs::exists(place, error)) {
    throw FileError(place, "no such folder of pictures, nor a table of them");
  }
  if (!fs::is_directory(place, error) && is_picture(place)) {
    throw FileError(place,
                    "a picture; give the folder that holds one folder of "
                    "pictures a class");
  }
  std::vector<std::string> splits;
  if (fs::is_directory(place, error)) {
    options.root = fs::absolute(place).lexically_normal();
    if (!options.root.has_filename()) {  // "photos/"
      options.root = options.root.parent_path();
    }
    splits = names_of_splits(options.root);
  } else {
    options.dataset = DatasetKind::kCsv;
    options.csv = fs::absolute(place);
    splits = splits_of_csv(options);
  }
  if (split_meant_by("val", splits)) options.val_split = "val";
  return as_laid_out(options);
}

std::string hint_of_wrapper(const DataOptions& options) {
  if (options.dataset != DatasetKind::kImageFolder) return "";
  const auto folders = folders_in(options.root);
  if (folders.size() != 1 || folders_in(folders.front()).size() < 2) return "";
  return "; did you mean " + folders.front().string() + "?";
}

std::vector<std::string> splits_at(const DataOptions& options) {
  try {
    if (options.dataset == DatasetKind::kCsv) return splits_of_csv(options);
    if (options.dataset == DatasetKind::kImageFolder) {
      return names_of_splits(options.root);
    }
  } catch (const FileError&) {  // Whoever opens it says so.
  }
  return {};
}

std::string name_of_measured_split(const DataOptions& options) {
  const auto splits = splits_at(options);
  if (splits.empty()) return "test";
  return split_meant_by(options.val_split, splits).value_or(options.val_split);
}

}  // namespace skipzoo
