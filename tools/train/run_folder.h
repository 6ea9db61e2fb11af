#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/report/history.h"
#include "tools/report/html_report.h"

namespace skipzoo {

/// The folder of one run and the files in it that grow by an epoch at a time:
/// summary.csv, metrics.jsonl, TensorBoard's events and report.html.
class RunFolder {
 public:
  /// Makes the folder of a new run. Throws FileError where a run is in it
  /// already, or nothing can be written there.
  static RunFolder create(const std::filesystem::path& path);
  /// Opens the folder of a run that is to go on; changes nothing yet.
  static RunFolder open(const std::filesystem::path& path);
  /// Cuts off what was written after epoch `epochs`.
  void cut_back(int64_t epochs);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path last() const { return path_ / "last.skz"; }
  std::filesystem::path best() const { return path_ / "best.skz"; }
  std::filesystem::path log() const { return path_ / "train.log"; }

  /// The resolved config, as config.yaml, with the file it came from on top.
  void write_config(const std::string& yaml, const std::string& origin) const;
  /// That file; empty where there is no config.yaml of a run.
  std::string origin() const;
  /// An epoch's row, everywhere.
  void append(const EpochRow& row);
  /// The rows so far, oldest first.
  const std::vector<EpochRow>& rows() const { return rows_; }
  /// report.html; its rows are filled in here.
  void write_report(RunReport report) const;

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  std::filesystem::path csv() const { return path_ / "summary.csv"; }
  std::filesystem::path jsonl() const { return path_ / "metrics.jsonl"; }
  /// TensorBoard wants a name of this form; one file, whatever is resumed.
  std::filesystem::path events() const {
    return path_ / "events.out.tfevents.0.skipzoo";
  }

  std::filesystem::path path_;
  std::vector<EpochRow> rows_;
};

/// The best checkpoint where `path` is a run folder, else `path` itself.
std::filesystem::path weights_at(const std::filesystem::path& path);

}  // namespace skipzoo
