#include "tools/train/run_folder.h"

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tools/error.h"
#include "tools/file.h"
#include "tools/report/event_file.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::string json_line(const EpochRow& row) {
  return nlohmann::ordered_json{
      {"epoch", row.epoch},           {"lr", row.lr},
      {"train_loss", row.train_loss}, {"train_top1", row.train_top1},
      {"val_loss", row.val_loss},     {"val_top1", row.val_top1},
      {"val_top5", row.val_top5},     {"images_per_s", row.images_per_s},
      {"seconds", row.seconds}}
      .dump();
}

const std::string kOriginMark = "# The resolved config of ";

/// Whether a config.yaml was written by a run, not by a person.
bool is_of_a_run(const fs::path& config) {
  const auto bytes = read_file(config);
  return std::string(bytes.begin(), bytes.end()).starts_with(kOriginMark);
}

/// A process killed while it wrote leaves half a line, of an epoch that no
/// checkpoint holds.
void drop_unfinished_line(const fs::path& file) {
  const auto bytes = read_file(file);
  size_t end = bytes.size();
  while (end > 0 && bytes[end - 1] != '\n') --end;
  if (end != bytes.size()) fs::resize_file(file, end);
}

double wall_time() {
  return std::chrono::duration<double>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

RunFolder RunFolder::create(const fs::path& path) {
  make_folder(path);
  RunFolder folder(path);
  // What a run leaves that failed before its first checkpoint may be replaced.
  const bool has_rows =
      fs::exists(folder.csv()) && !read_csv(folder.csv()).empty();
  const bool foreign_config =
      fs::exists(folder.config()) && !is_of_a_run(folder.config());
  for (const auto& [file, taken] :
       {std::pair{folder.last(), fs::exists(folder.last())},
        std::pair{folder.best(), fs::exists(folder.best())},
        std::pair{folder.csv(), has_rows},
        std::pair{folder.config(), foreign_config}}) {
    if (taken) {
      throw FileError(path, "holds a run already (" + file.filename().string() +
                                "); go on with it by --resume, or choose "
                                "another folder by -o");
    }
  }
  write_whole(folder.csv(), csv_header() + "\n");
  return folder;
}

RunFolder RunFolder::open(const fs::path& path) { return RunFolder(path); }

void RunFolder::cut_back(int64_t epochs) {
  make_folder(path_);
  if (fs::exists(csv())) {
    drop_unfinished_line(csv());
    rows_ = read_csv(csv());
  }
  std::erase_if(rows_, [&](const EpochRow& row) { return row.epoch > epochs; });
  std::string csv_text = csv_header() + "\n";
  std::string jsonl_text;
  for (const auto& row : rows_) {
    csv_text += csv_line(row) + "\n";
    jsonl_text += json_line(row) + "\n";
  }
  write_whole(csv(), csv_text);
  write_whole(jsonl(), jsonl_text);
  if (fs::exists(events())) cut_events_after(events(), epochs);
}

void RunFolder::write_config(const std::string& yaml,
                             const std::string& origin) const {
  write_whole(config(), kOriginMark + origin + "\n" + yaml);
}

std::string RunFolder::origin() const {
  std::ifstream file(config());
  std::string line;
  std::getline(file, line);
  return line.starts_with(kOriginMark) ? line.substr(kOriginMark.size()) : "";
}

void RunFolder::append(const EpochRow& row) {
  append_line(csv(), csv_line(row));
  append_line(jsonl(), json_line(row));
  EventFile(events()).scalars(row.epoch,
                              {{"train/loss", row.train_loss},
                               {"train/top1", row.train_top1},
                               {"val/loss", row.val_loss},
                               {"val/top1", row.val_top1},
                               {"val/top5", row.val_top5},
                               {"lr", row.lr},
                               {"images_per_s", row.images_per_s}},
                              wall_time());
  rows_.push_back(row);
}

void RunFolder::write_report(RunReport report) const {
  report.rows = rows_;
  write_whole(path_ / "report.html", html_report(report));
}

std::filesystem::path weights_at(const std::filesystem::path& path) {
  return std::filesystem::is_directory(path) ? RunFolder::open(path).best()
                                             : path;
}

}  // namespace skipzoo
