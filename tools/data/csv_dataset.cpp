#include "tools/data/csv_dataset.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "tools/data/file_dataset.h"
#include "tools/data/label_table.h"
#include "tools/data/split_names.h"
#include "tools/data/text.h"
#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Pictures that a table names.
class CsvDataset : public FileDataset {
 public:
  CsvDataset(fs::path root, const ReadImage& how,
             std::vector<std::string> classes, bool is_multi_label)
      : FileDataset(how),
        root_(std::move(root)),
        classes_(std::move(classes)),
        is_multi_label_(is_multi_label) {}

  void add(std::string path, std::vector<int64_t> labels) {
    paths_.push_back(std::move(path));
    labels_.push_back(std::move(labels));
  }
  void add_weight(double weight) { weights_.push_back(weight); }

  int64_t size() const override { return static_cast<int64_t>(paths_.size()); }
  int64_t label(int64_t index) const override {
    const auto& all = labels_[static_cast<size_t>(index)];
    return all.empty() ? 0 : all.front();
  }
  bool is_multi_label() const override { return is_multi_label_; }
  std::vector<int64_t> labels(int64_t index) const override {
    return labels_[static_cast<size_t>(index)];
  }
  std::string key(int64_t index) const override {
    return paths_[static_cast<size_t>(index)];
  }
  fs::path file(int64_t index) const override {
    return root_ / paths_[static_cast<size_t>(index)];
  }
  const std::vector<std::string>& classes() const override { return classes_; }
  bool is_weighted() const override { return !weights_.empty(); }
  double weight(int64_t index) const override {
    return weights_.empty() ? 1 : weights_[static_cast<size_t>(index)];
  }

 private:
  fs::path root_;
  std::vector<std::string> classes_;
  bool is_multi_label_;
  std::vector<std::string> paths_;
  std::vector<std::vector<int64_t>> labels_;
  std::vector<double> weights_;  ///< Empty: all count alike.
};

fs::path root_of(const DataOptions& options) {
  return options.root.empty() ? options.csv.parent_path() : options.root;
}

/// Names what is not there: all of it with the first few lines.
void refuse_missing(const std::vector<const Table::Row*>& missing,
                    const LabelTable& labels, const DataOptions& options) {
  if (missing.empty() || options.on_error == OnError::kSkip) return;
  const auto& first = *missing.front();
  throw FileError(
      options.csv,
      at_line(first.line) +
          (root_of(options) / first.cells[labels.path]).string() +
          ": no such file" +
          (missing.size() == 1
               ? ""
               : ", and " + std::to_string(missing.size() - 1) + " more") +
          "; paths are relative to " +
          (options.root.empty() ? "the table's folder, or data.root"
                                : "data.root") +
          "; data.on_error: skip leaves out what is not there");
}

/// What the rows of a split have in their column; "" where there is none.
std::string value_of_split(const LabelTable& labels, const DataOptions& options,
                           Split split) {
  const bool train = split == Split::kTrain;
  if (!labels.split) {
    if (train) return "";
    throw FileError(options.csv,
                    "has no column of splits; give it one named split, or hold "
                    "a share of the pictures out by data.holdout");
  }
  const auto& asked = train ? options.train_split : options.val_split;
  const auto names = splits_in(labels);
  const auto found = split_meant_by(asked, names);
  if (found) return *found;
  throw FileError(options.csv, "no row of split '" + asked + "' (data." +
                                   (train ? "train" : "val") +
                                   "_split); there are " + quoted_list(names));
}

void refuse_weightless(const CsvDataset& data, const fs::path& path) {
  for (int64_t i = 0; i < data.size(); ++i) {
    if (data.weight(i) > 0) return;
  }
  throw FileError(path, "the weights of all pictures of a split are 0");
}

/// Rows of splits that are neither trained nor validated on.
void say_what_is_not_used(const LabelTable& labels, const DataOptions& options,
                          const std::string& train) {
  const auto val = options.holdout > 0
                       ? std::nullopt
                       : split_meant_by(options.val_split, splits_in(labels));
  std::map<std::string, int64_t> others;
  for (const auto& row : labels.table.rows) {
    const auto split = split_in(labels, row);
    if (split != train && split != val) ++others[split];
  }
  for (const auto& [split, rows] : others) {
    spdlog::info("{}: {} rows of split '{}' are not used", options.csv.string(),
                 rows, split);
  }
}

/// Names classes that nothing is there to learn or to validate on.
void warn_of_absent_classes(const CsvDataset& data, const std::string& split) {
  std::vector<bool> is_there(data.classes().size());
  for (int64_t i = 0; i < data.size(); ++i) {
    for (const int64_t label : data.labels(i)) {
      is_there[static_cast<size_t>(label)] = true;
    }
  }
  std::vector<std::string> absent;
  for (size_t c = 0; c < is_there.size(); ++c) {
    if (!is_there[c]) absent.push_back(data.classes()[c]);
  }
  if (absent.empty()) return;
  spdlog::warn("split '{}' has no picture of {}", split, quoted_list(absent));
}

/// The training row that first names several labels; null: none does.
const Table::Row* row_of_several(const LabelTable& labels,
                                 const DataOptions& options) {
  const auto train =
      labels.split ? split_meant_by(options.train_split, splits_in(labels))
                   : std::optional<std::string>("");
  if (!train) return nullptr;
  for (const auto& row : labels.table.rows) {
    if (split_in(labels, row) == *train && names_several(labels, row)) {
      return &row;
    }
  }
  return nullptr;
}

bool are_several(const LabelTable& labels, const DataOptions& options) {
  if (options.multi_label != MultiLabel::kAuto) {
    return options.multi_label == MultiLabel::kTrue;
  }
  return row_of_several(labels, options) != nullptr;
}

/// A label that can be in a picture and that no training picture has: most
/// often it is another one, written otherwise.
void refuse_unlearned(const LabelTable& labels, const DataOptions& options,
                      const std::string& split) {
  const auto train = split_meant_by(options.train_split, splits_in(labels));
  if (!train || *train == split) return;
  std::set<std::string> learned;
  for (const auto& row : labels.table.rows) {
    if (split_in(labels, row) != *train) continue;
    for (auto& label : labels_in(labels, row, options.csv)) {
      learned.insert(std::move(label));
    }
  }
  for (const auto& row : labels.table.rows) {
    if (split_in(labels, row) != split) continue;
    for (const auto& label : labels_in(labels, row, options.csv)) {
      if (learned.contains(label)) continue;
      throw FileError(options.csv, at_line(row.line) + "label '" + label +
                                       "', which no row of split '" + *train +
                                       "' has");
    }
  }
}

std::map<std::string, int64_t> class_numbers(
    const std::vector<std::string>& classes, const DataOptions& options,
    int64_t num_classes) {
  if (std::ssize(classes) != num_classes) {
    throw FileError(options.csv,
                    "has " + std::to_string(classes.size()) +
                        " different labels, but model.num_classes is " +
                        std::to_string(num_classes) + "; they are " +
                        quoted_list(classes));
  }
  std::map<std::string, int64_t> numbers;
  for (size_t c = 0; c < classes.size(); ++c) {
    numbers[classes[c]] = static_cast<int64_t>(c);
  }
  return numbers;
}

/// As it is written or, where only that is there, as Windows means it.
std::string path_in(const fs::path& root, const std::string& written,
                    bool& is_there) {
  std::error_code unknown;
  is_there = fs::exists(root / written, unknown);
  if (is_there || written.find('\\') == std::string::npos) return written;
  std::string path = written;
  std::ranges::replace(path, '\\', '/');
  is_there = fs::exists(root / path, unknown);
  return is_there ? path : written;
}

/// The rows of a split; those whose picture is not there are `missing`.
void add_rows(const LabelTable& labels, const DataOptions& options,
              const std::string& split,
              const std::map<std::string, int64_t>& numbers, CsvDataset& data,
              std::vector<const Table::Row*>& missing) {
  const auto root = root_of(options);
  for (const auto& row : labels.table.rows) {
    if (split_in(labels, row) != split) continue;
    bool is_there = false;
    auto path = path_in(root, row.cells[labels.path], is_there);
    if (!is_there) missing.push_back(&row);
    std::vector<int64_t> own;
    for (const auto& label : labels_in(labels, row, options.csv)) {
      own.push_back(numbers.at(label));
    }
    std::ranges::sort(own);
    data.add(std::move(path), std::move(own));
    if (labels.weight) {
      data.add_weight(weight_in(row, *labels.weight, options.csv));
    }
  }
}

}  // namespace

std::vector<std::string> classes_of_csv(const DataOptions& options) {
  auto labels = read_labels(options.csv);
  labels.multi_label = are_several(labels, options);
  return check_rows(labels, options.csv);
}

std::vector<std::string> splits_of_csv(const DataOptions& options) {
  return splits_in(read_labels(options.csv));
}

std::string place_of_several_labels(const DataOptions& options) {
  const auto labels = read_labels(options.csv);
  const auto* row = row_of_several(labels, options);
  if (row == nullptr) return "";
  return at_line(row->line) + "'" + row->cells[labels.label] + "'";
}

DatasetPtr open_csv(const DataOptions& options, Split split, int64_t channels,
                    int64_t num_classes) {
  auto labels = read_labels(options.csv);
  labels.multi_label = are_several(labels, options);
  const auto classes = check_rows(labels, options.csv);
  const auto numbers = class_numbers(classes, options, num_classes);
  const auto value = value_of_split(labels, options, split);
  if (labels.multi_label && split == Split::kTest) {
    refuse_unlearned(labels, options, value);
  }
  auto data = std::make_shared<CsvDataset>(root_of(options),
                                           ReadImage(channels, options.exif),
                                           classes, labels.multi_label);
  std::vector<const Table::Row*> missing;
  add_rows(labels, options, value, numbers, *data, missing);
  refuse_missing(missing, labels, options);
  if (data->is_weighted()) refuse_weightless(*data, options.csv);
  if (split == Split::kTrain) say_what_is_not_used(labels, options, value);
  warn_of_absent_classes(*data, labels.split ? value : "train");
  return data;
}

}  // namespace skipzoo
