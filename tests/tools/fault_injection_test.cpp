// A disk that is full, or fails, at any one call that writes: one sentence, the
// old file as it was, and nothing half-written beside it.

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "tests/support/faults.h"
#include "tests/support/files_in.h"
#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/error.h"
#include "tools/export/format.h"
#include "tools/weights/write.h"
#include "tools/write_whole.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// Has every call of `act` fail in turn, until it has no more of them; between
/// two, nothing in `folder` may change. Returns how many there were.
int64_t fail_each_call(const fs::path& folder,
                       const std::function<void()>& act) {
  const auto before = files_in(folder);
  for (int64_t number = 1;; ++number) {
    for (const int error : {ENOSPC, EIO}) {
      const Fault fault(number, error);
      std::string words;
      try {
        act();
      } catch (const FileError& e) {
        words = e.what();
      }
      if (!fault.happened()) return number - 1;
      EXPECT_NE(words.find(std::strerror(error)), std::string::npos)
          << "call " << number << ": " << words;
      EXPECT_EQ(files_in(folder), before) << "call " << number;
    }
  }
}

Exportable small_network() {
  ResNetOptions options;
  options.depths = {1};
  options.widths = {4};
  options.num_classes = 3;
  const auto model = make_model(options);
  return {.model = options,
          .weights = state_dict(*model),
          .metadata = {.config = "",
                       .classes = {"a", "b", "c"},
                       .mean = {},
                       .std = {},
                       .input_shape = {3, 8, 8}}};
}

class FaultyDisk : public testing::TestWithParam<ExportFormatInfo> {};

TEST_P(FaultyDisk, LeavesTheOldExportAndNothingElse) {
  TemporaryFolder folder;
  const auto path = folder.write("net.out", "the export of before");
  const auto network = small_network();
  const auto act = [&] {
    export_network(path, network, {.format = GetParam().format});
  };
  // open, write, fsync, rename
  EXPECT_GE(fail_each_call(folder.path(), act), 4);
  EXPECT_NE(read_text(path), "the export of before");
}

INSTANTIATE_TEST_SUITE_P(Export, FaultyDisk,
                         testing::ValuesIn(export_formats()),
                         [](const auto& format) {
                           return std::string(format.param.name);
                         });

TEST(FaultyDisk, LeavesOldWeightsAndCheckpoints) {
  TemporaryFolder folder;
  const NamedTensors tensors = {{"big", torch::randn({300, 300})},
                                {"small", torch::ones(3)}};
  const Checkpoint checkpoint = {
      .metadata = {.config = "",
                   .classes = {},
                   .mean = {},
                   .std = {},
                   .input_shape = {3, 8, 8}},
      .weights = tensors,
      .sections = {{"metrics", {{"", torch::zeros(2)}}}},
      .position = {},
      .best = {}};
  const std::map<std::string, std::function<void(const fs::path&)>> writers = {
      {"a.pth", [&](const fs::path& p) { write_pth(p, tensors); }},
      {"a.safetensors",
       [&](const fs::path& p) { write_safetensors(p, tensors); }},
      {"a.skz", [&](const fs::path& p) { save_checkpoint(p, checkpoint); }}};
  for (const auto& [name, write] : writers) {
    const auto path = folder.write(name, "old");
    EXPECT_GE(
        fail_each_call(folder.path(), [&, write = write] { write(path); }), 5)
        << name;
  }
}

TEST(FaultyDisk, LeavesNoFolderThatItMade) {
  TemporaryFolder folder;
  const auto path = folder / "made/for/this/text";
  EXPECT_GE(fail_each_call(folder.path(),
                           [&] {
                             write_output(path, [](OutputFile& file) {
                               file.write("text");
                             });
                           }),
            7);  // Three times mkdir first.
}

// What goes into a pipe is checked in a temporary file before.
TEST(FaultyDisk, LeavesNoTemporaryFileOfAnExportIntoAPipe) {
  TemporaryFolder folder;
  const char* before = std::getenv("TMPDIR");
  const std::string others = before == nullptr ? "" : before;
  setenv("TMPDIR", folder.path().c_str(), 1);
  const auto network = small_network();
  const auto act = [&] {
    export_network("/dev/null", network, {.format = ExportFormat::kOnnx});
  };
  // mkostemp, open, write, fsync, rename
  EXPECT_GE(fail_each_call(folder.path(), act), 5);
  EXPECT_TRUE(files_in(folder.path()).empty());
  if (before == nullptr) {
    unsetenv("TMPDIR");
  } else {
    setenv("TMPDIR", others.c_str(), 1);
  }
}

Settings run_of_epochs(int64_t epochs) {
  auto s = small_run();
  s.data.batch_size = 50;
  s.train.epochs = epochs;
  return s;
}

/// Nothing half-written, and nobody who seems to be at work.
void expect_nothing_unfinished(const fs::path& run) {
  for (const auto& [name, content] : files_in(run)) {
    EXPECT_FALSE(name.ends_with(".tmp")) << name;
  }
  EXPECT_FALSE(fs::exists(run / ".skipzoo-lock"));
}

/// Has every call fail in turn of a run in a copy of the folder "begun", or in
/// a new one where there is no such folder: it ends with one sentence, and then
/// goes on, or begins anew, and ends as one without a fault. Returns how many
/// calls there were.
int64_t fail_each_call_of_run(const TemporaryFolder& folder,
                              const Settings& s) {
  const auto begin = [&](const fs::path& path) {
    if (fs::exists(folder / "begun")) fs::copy(folder / "begun", path);
  };
  begin(folder / "whole");
  run(s, folder / "whole");
  int unheard = 0;
  for (int64_t number = 1;; ++number) {
    const auto path = folder / ("run-" + std::to_string(number));
    begin(path);
    {
      const Fault fault(number, number % 2 == 0 ? ENOSPC : EIO);
      try {
        run(s, path);
        if (!fault.happened()) {
          // The lock is as good without the name of its holder in it.
          EXPECT_EQ(unheard, 2) << "ftruncate and pwrite of the lock";
          return number - 1;
        }
        ++unheard;
      } catch (const FileError& error) {
        EXPECT_NE(std::string(error.what()).find("cannot be"),
                  std::string::npos)
            << error.what();
      }
    }
    expect_nothing_unfinished(path);
    run(s, path);
    expect_same_run(folder / "whole", path);
    fs::remove_all(path);
  }
}

// The rows of an epoch come before its checkpoint.
TEST(FaultyDisk, EndsARunWithOneSentenceAndItGoesOn) {
  TemporaryFolder folder;
  // 4 calls for the folder and its lock, 4 for each file that is written whole
  // (summary.csv, report, best and last), 3 for each row that is appended, and
  // for the first of TensorBoard's.
  EXPECT_GE(fail_each_call_of_run(folder, run_of_epochs(1)), 4 + 4 * 4 + 4 * 3);
}

// Of a process that was killed while it wrote the second epoch's rows.
TEST(FaultyDisk, EndsAResumedRunWithOneSentenceAndItGoesOn) {
  TemporaryFolder folder;
  run(run_of_epochs(1), folder / "begun");
  for (const char* name : {"summary.csv", "events.out.tfevents.0.skipzoo"}) {
    std::ofstream(folder / "begun" / name, std::ios::app) << "2,0.";
  }
  // 3 calls for the lock; both files are cut and the rows written anew; then
  // the epoch's rows, report and checkpoint.
  EXPECT_GE(fail_each_call_of_run(folder, run_of_epochs(2)),
            3 + 2 + 2 * 4 + 3 * 3 + 2 * 4);
}

}  // namespace
}  // namespace skipzoo
