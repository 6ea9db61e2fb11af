#include "tools/data/options.h"

namespace skipzoo {

bool DataOptions::uses(std::string_view key) const {
  if (key == "train_split" || key == "val_split" || key == "cache") {
    return dataset == DatasetKind::kImageFolder || dataset == DatasetKind::kCsv;
  }
  if (key == "fold") return holdout > 0;
  if (key == "class_folders") return dataset == DatasetKind::kImageFolder;
  if (key == "csv" || key == "multi_label") {
    return dataset == DatasetKind::kCsv;
  }
  if (key == "root") return dataset != DatasetKind::kSynthetic;
  if (key == "synthetic_images") return dataset == DatasetKind::kSynthetic;
  return true;
}

void DataOptions::validate(Problems& problems) const {
  if (dataset == DatasetKind::kCsv) {
    if (csv.empty()) {
      problems.push_back("csv is missing; give the table of paths and labels");
    }
  } else if (dataset != DatasetKind::kSynthetic && root.empty()) {
    problems.push_back("root is missing; give the folder that holds the data");
  }
  if (image_size == 0 &&
      (dataset == DatasetKind::kImageFolder || dataset == DatasetKind::kCsv ||
       dataset == DatasetKind::kSynthetic)) {
    problems.push_back(
        "image_size is missing; this kind of data has no size "
        "of its own");
  }
  for (const double deviation : std) {
    if (deviation > 0 && deviation < 1e-6) {
      problems.push_back("std must be at least 1e-06, got " +
                         std::to_string(deviation) +
                         "; pixels are divided by it");
    }
  }
  if (holdout > 0 && fold > folds()) {
    problems.push_back("fold must be at most " + std::to_string(folds()) +
                       ", as there are so many parts of a holdout of " +
                       std::to_string(holdout) + "; got " +
                       std::to_string(fold));
  }
  if (train_size > 0 && progressive_resizing.enabled()) {
    problems.push_back(
        "train_size and progressive_resizing both say how large training "
        "pictures are; leave one of them out");
  }
  if (mean.size() != std.size()) {
    problems.push_back("mean has " + std::to_string(mean.size()) +
                       " entries but std has " + std::to_string(std.size()));
  }
}

int64_t DataOptions::size_in_epoch(int64_t epoch) const {
  if (progressive_resizing.enabled()) {
    return progressive_resizing.size_in_epoch(epoch);
  }
  return train_size > 0 ? train_size : image_size;
}

std::vector<DataOptions::PictureSize> DataOptions::sizes() const {
  if (progressive_resizing.enabled()) {
    const auto& growing = progressive_resizing;
    return {
        {"data.image_size", image_size, false},
        {"data.progressive_resizing.min_res", growing.min_res, true},
        {"data.progressive_resizing.max_res", growing.max_res, true},
    };
  }
  if (train_size == 0) return {{"data.image_size", image_size, true}};
  return {{"data.image_size", image_size, false},
          {"data.train_size", train_size, true}};
}

}  // namespace skipzoo
