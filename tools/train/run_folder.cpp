#include "tools/train/run_folder.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "tools/error.h"
#include "tools/file.h"
#include "tools/report/event_file.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::string json_line(const EpochRow& row) {
  return nlohmann::ordered_json{{"epoch", row.epoch},
                                {"lr", row.lr},
                                {"train_loss", row.train_loss},
                                {"train_top1", row.train_top1},
                                {"val_loss", row.val_loss},
                                {"val_top1", row.val_top1},
                                {"val_top5", row.val_top5},
                                {"images_per_s", row.images_per_s},
                                {"seconds", row.seconds}}
      .dump();
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
  for (const auto& file : {folder.last(), folder.best(), folder.csv()}) {
    if (fs::exists(file)) {
      throw FileError(path, "holds a run already (" +
                                file.filename().string() +
                                "); go on with it by --resume, or choose "
                                "another folder by -o");
    }
  }
  write_whole(folder.csv(), csv_header() + "\n");
  return folder;
}

RunFolder RunFolder::resume(const fs::path& path, int64_t epochs) {
  make_folder(path);
  RunFolder folder(path);
  if (fs::exists(folder.csv())) {
    drop_unfinished_line(folder.csv());
    folder.rows_ = read_csv(folder.csv());
  }
  std::erase_if(folder.rows_,
                [&](const EpochRow& row) { return row.epoch > epochs; });
  std::string csv = csv_header() + "\n";
  std::string jsonl;
  for (const auto& row : folder.rows_) {
    csv += csv_line(row) + "\n";
    jsonl += json_line(row) + "\n";
  }
  write_whole(folder.csv(), csv);
  write_whole(folder.jsonl(), jsonl);
  if (fs::exists(folder.events())) cut_events_after(folder.events(), epochs);
  return folder;
}

void RunFolder::write_config(const std::string& yaml) const {
  write_whole(path_ / "config.yaml", yaml);
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

}  // namespace skipzoo
