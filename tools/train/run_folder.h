#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tools/report/history.h"
#include "tools/report/html_report.h"
#include "tools/train/run_lock.h"

namespace skipzoo {

/// The folder of one run and the files in it that grow by an epoch at a time:
/// summary.csv, metrics.jsonl, TensorBoard's events and report.html.
class RunFolder {
 public:
  /// Makes the folder of a new run, and locks it. What a run left that died
  /// before its first checkpoint is begun anew. Throws FileError where a run is
  /// in it already, or nothing can be written there.
  static RunFolder create(const std::filesystem::path& path);
  /// Opens the folder of a run; changes nothing yet.
  static RunFolder open(const std::filesystem::path& path);
  /// For a run that is to go on: until the last copy of this ends, no other
  /// process writes there. Throws FileError where one does.
  void lock();
  /// Cuts off what was written after epoch `epochs`; the folder is locked.
  void cut_back(int64_t epochs);
  /// Gives best.skz, which is of an epoch that is cut off, another name.
  /// Returns that; empty where there is no best.skz.
  std::filesystem::path set_best_aside() const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path last() const { return path_ / "last.skz"; }
  std::filesystem::path best() const { return path_ / "best.skz"; }
  /// Of an epoch that train.checkpoint_hist keeps.
  std::filesystem::path checkpoint_of(int64_t epoch) const {
    return path_ / ("checkpoint-" + std::to_string(epoch) + ".skz");
  }
  /// Removes those of all other epochs.
  void keep_checkpoints_of(const std::vector<int64_t>& epochs) const;
  std::filesystem::path log() const { return path_ / "train.log"; }
  /// Names of the pictures that a run with data.holdout did not train on.
  std::filesystem::path holdout() const { return path_ / "holdout.txt"; }
  /// The resolved config as the run began with it.
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  /// last.skz or, where a run died before it had one, best.skz; empty where
  /// there is neither.
  std::filesystem::path checkpoint() const;

  /// What the run began to train on, as data.json; empty where it has none.
  void write_data(const std::string& fingerprint) const;
  std::string data() const;
  /// The resolved config, as config.yaml, with the file it came from on top.
  void write_config(const std::string& yaml, const std::string& origin) const;
  /// That file; empty where there is no config.yaml of a run.
  std::string origin() const;
  /// An epoch's row, everywhere.
  void append(const EpochRow& row);
  /// The rows so far, oldest first.
  const std::vector<EpochRow>& rows() const { return rows_; }
  /// What report.html, as it is, shows of mistakes_html() for an epoch; ""
  /// where it shows another or is not there.
  std::string mistakes_in_report(int64_t epoch) const;
  /// report.html; its rows are filled in here.
  void write_report(RunReport report) const;

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  void refuse_if_taken() const;
  std::filesystem::path csv() const { return path_ / "summary.csv"; }
  std::filesystem::path jsonl() const { return path_ / "metrics.jsonl"; }
  /// TensorBoard wants a name of this form; one file, whatever is resumed.
  std::filesystem::path events() const {
    return path_ / "events.out.tfevents.0.skipzoo";
  }

  std::filesystem::path report() const { return path_ / "report.html"; }
  std::filesystem::path data_file() const { return path_ / "data.json"; }

  std::filesystem::path path_;
  std::shared_ptr<const RunLock> lock_;
  std::vector<EpochRow> rows_;
};

/// The best checkpoint where `path` is a folder with one, else `path` itself.
std::filesystem::path weights_at(const std::filesystem::path& path);

}  // namespace skipzoo
