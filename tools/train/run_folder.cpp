#include "tools/train/run_folder.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <system_error>

#include "tools/error.h"
#include "tools/file.h"
#include "tools/report/event_file.h"
#include "tools/report/mistakes.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

const std::string kOriginMark = "# The resolved config of ";

/// Whether a config.yaml was written by a run, not by a person.
bool is_of_a_run(const fs::path& config) {
  const auto bytes = read_file(config);
  return std::string(bytes.begin(), bytes.end()).starts_with(kOriginMark);
}

void require_none(const std::error_code& error, const fs::path& file,
                  const std::string& what) {
  if (error) throw FileError(file, what + ": " + error.message());
}

/// A process killed while it wrote leaves half a line, of an epoch that no
/// checkpoint holds.
void drop_unfinished_line(const fs::path& file) {
  const auto bytes = read_file(file);
  size_t end = bytes.size();
  while (end > 0 && bytes[end - 1] != '\n') --end;
  if (end == bytes.size()) return;
  std::error_code error;
  fs::resize_file(file, end, error);
  require_none(error, file, "cannot be cut");
}

/// How many rows a summary.csv holds, the half one of a killed process aside.
int64_t rows_in(const fs::path& csv) {
  if (!fs::exists(csv)) return 0;
  const auto bytes = read_file(csv);
  const std::string text(bytes.begin(), bytes.end());
  if (text.empty()) return 0;
  if (!is_csv_header(text.substr(0, text.find('\n')))) {
    throw FileError(csv,
                    "is not of a run of skipzoo; choose another folder by -o");
  }
  return std::count(text.begin(), text.end(), '\n') - 1;
}

/// The epoch of a file that checkpoint_of() names; 0: of none.
int64_t epoch_of(const fs::path& file) {
  constexpr std::string_view kBefore = "checkpoint-", kAfter = ".skz";
  const auto name = file.filename().string();
  if (!name.starts_with(kBefore) || !name.ends_with(kAfter)) return 0;
  int64_t epoch = 0;
  const char* end = name.data() + name.size() - kAfter.size();
  const auto read = std::from_chars(name.data() + kBefore.size(), end, epoch);
  return read.ptr == end && read.ec == std::errc() ? epoch : 0;
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
  folder.lock();
  folder.refuse_if_taken();
  std::error_code error;
  if (fs::exists(folder.csv())) {
    for (const auto& file :
         {folder.jsonl(), folder.events(), folder.report()}) {
      fs::remove(file, error);
      require_none(error, file, "cannot be removed");
    }
  }
  // Of a run that failed early; the new one may hold out others, or none.
  fs::remove(folder.holdout(), error);
  require_none(error, folder.holdout(), "cannot be removed");
  write_whole(folder.csv(), csv_header() + "\n");
  return folder;
}

void RunFolder::refuse_if_taken() const {
  const bool foreign_config = fs::exists(config()) && !is_of_a_run(config());
  // The first epoch's row comes before its checkpoint: it may stand alone.
  for (const auto& [file, taken] : {std::pair{last(), fs::exists(last())},
                                    std::pair{best(), fs::exists(best())},
                                    std::pair{csv(), rows_in(csv()) > 1},
                                    std::pair{config(), foreign_config}}) {
    if (taken) {
      throw FileError(path_, "holds a run already (" +
                                 file.filename().string() +
                                 "); go on with it by --resume, or choose "
                                 "another folder by -o");
    }
  }
}

RunFolder RunFolder::open(const fs::path& path) { return RunFolder(path); }

void RunFolder::lock() {
  if (lock_) return;
  lock_ = std::make_shared<const RunLock>(path_);
  // Nobody else is at work on these, so what lies beside them is of the dead.
  for (const auto& file : {last(), best(), config(), csv(), jsonl(), report(),
                           data_file(), holdout()}) {
    remove_leftovers_of(file);
  }
}

fs::path RunFolder::checkpoint() const {
  return fs::exists(last()) ? last() : fs::exists(best()) ? best() : fs::path();
}

fs::path RunFolder::set_best_aside() const {
  if (!fs::exists(best())) return {};
  const fs::path aside = path_ / "best-cut-off.skz";
  std::error_code error;
  fs::rename(best(), aside, error);
  require_none(error, best(), "cannot be renamed");
  return aside;
}

void RunFolder::keep_checkpoints_of(const std::vector<int64_t>& epochs) const {
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(path_)) {
    const int64_t epoch = epoch_of(entry.path());
    if (epoch > 0 && std::ranges::count(epochs, epoch) == 0) {
      others.push_back(entry.path());
    }
  }
  for (const auto& file : others) {
    std::error_code error;
    fs::remove(file, error);
    require_none(error, file, "cannot be removed");
  }
}

void RunFolder::cut_back(int64_t epochs) {
  make_folder(path_);
  lock();
  if (fs::exists(csv())) {
    drop_unfinished_line(csv());
    rows_ = read_csv(csv());
    read_class_series(jsonl(), rows_);
  }
  // Of the last one a dead process may have been writing it.
  if (!rows_.empty()) remove_leftovers_of(checkpoint_of(rows_.back().epoch));
  for (const auto& row : rows_) {
    // Of epochs that are run anew.
    if (row.epoch > epochs) fs::remove(checkpoint_of(row.epoch));
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
  if (!fs::is_regular_file(config())) return "";
  std::ifstream file(config());
  std::string line;
  std::getline(file, line);
  return line.starts_with(kOriginMark) ? line.substr(kOriginMark.size()) : "";
}

void RunFolder::write_data(const std::string& fingerprint) const {
  write_whole(data_file(), fingerprint + "\n");
}

std::string RunFolder::data() const {
  if (!fs::exists(data_file())) return "";
  const auto bytes = read_file(data_file());
  return {bytes.begin(), bytes.end()};
}

void RunFolder::append(const EpochRow& row) {
  skipzoo::append(csv(), csv_line(row) + "\n");
  skipzoo::append(jsonl(), json_line(row) + "\n");
  std::vector<std::pair<std::string, double>> tagged;
  for (const auto& scalar : epoch_scalars()) {
    if (scalar.tag.empty() || is_absent(row, scalar)) continue;
    tagged.emplace_back(scalar.tag, row.*scalar.value);
  }
  EventFile(events()).scalars(row.epoch, tagged, wall_time());
  rows_.push_back(row);
}

std::string RunFolder::mistakes_in_report(int64_t epoch) const {
  if (!fs::is_regular_file(report())) return "";
  const auto bytes = read_file(report());
  return mistakes_in(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, epoch);
}

void RunFolder::write_report(RunReport report) const {
  report.rows = rows_;
  write_whole(this->report(), html_report(report));
}

std::filesystem::path weights_at(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  const auto best = RunFolder::open(path).best();
  // What another folder is, the reader of weights says.
  return fs::exists(best, ignored) ? best : path;
}

}  // namespace skipzoo
