// A disk that is full, or fails, at any one call that writes: one sentence, the
// old file as it was, and nothing half-written beside it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>

#include "tests/support/faults.h"
#include "tests/support/process.h"
#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/error.h"
#include "tools/export/export.h"
#include "tools/weights/write.h"
#include "tools/write_whole.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// Every path below a folder, with its content where it is a file.
std::map<std::string, std::string> files_in(const fs::path& folder) {
  std::map<std::string, std::string> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    files[entry.path().string()] =
        entry.is_regular_file() ? read_text(entry.path()) : "";
  }
  return files;
}

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
          .identity = {.config = "",
                       .classes = {"a", "b", "c"},
                       .mean = {},
                       .std = {},
                       .input_shape = {3, 8, 8}}};
}

class FaultyDisk : public testing::TestWithParam<ExportFormat> {};

TEST_P(FaultyDisk, LeavesTheOldExportAndNothingElse) {
  TemporaryFolder folder;
  const auto path = folder.write("net.out", "the export of before");
  const auto network = small_network();
  const auto act = [&] {
    export_network(path, network, {.format = GetParam()});
  };
  // open, write, fsync, rename
  EXPECT_GE(fail_each_call(folder.path(), act), 4);
  EXPECT_NE(read_text(path), "the export of before");
}

INSTANTIATE_TEST_SUITE_P(Export, FaultyDisk,
                         testing::Values(ExportFormat::kTorchScript,
                                         ExportFormat::kOnnx,
                                         ExportFormat::kSafetensors,
                                         ExportFormat::kPth));

TEST(FaultyDisk, LeavesOldWeightsAndCheckpoints) {
  TemporaryFolder folder;
  const NamedTensors tensors = {{"big", torch::randn({300, 300})},
                                {"small", torch::ones(3)}};
  const Checkpoint checkpoint = {.identity = {.config = "",
                                              .classes = {},
                                              .mean = {},
                                              .std = {},
                                              .input_shape = {3, 8, 8}},
                                 .weights = tensors,
                                 .optimizer = {},
                                 .random = {},
                                 .metrics = torch::zeros(2),
                                 .position = {},
                                 .best = {},
                                 .best_confusion = {}};
  const std::map<std::string, std::function<void(const fs::path&)>> writers = {
      {"a.pth", [&](const fs::path& p) { write_pth(p, tensors); }},
      {"a.safetensors",
       [&](const fs::path& p) { write_safetensors(p, tensors); }},
      {"a.skz", [&](const fs::path& p) { save_checkpoint(p, checkpoint); }}};
  for (const auto& [name, write] : writers) {
    const auto path = folder.write(name, "old");
    EXPECT_GE(fail_each_call(folder.path(), [&] { write(path); }), 5) << name;
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

/// A run of one epoch.
Settings shortest_run() {
  auto s = small_run();
  s.train.epochs = 1;
  return s;
}

// The rows of an epoch come before its checkpoint: what the fault leaves is a
// run that goes on, or begins anew, and ends as one without a fault.
TEST(FaultyDisk, EndsARunWithOneSentenceAndItGoesOn) {
  TemporaryFolder folder;
  run(shortest_run(), folder / "whole");
  for (int64_t number = 1;; ++number) {
    const auto path = folder / ("run-" + std::to_string(number));
    {
      const Fault fault(number, number % 2 == 0 ? ENOSPC : EIO);
      try {
        run(shortest_run(), path);
        if (!fault.happened()) break;
        ADD_FAILURE() << "call " << number << " failed without a word";
      } catch (const FileError& error) {
        EXPECT_NE(std::string(error.what()).find("cannot be"),
                  std::string::npos)
            << error.what();
      }
    }
    for (const auto& [name, content] : files_in(path)) {
      EXPECT_EQ(name.find(".tmp"), std::string::npos) << name;
    }
    EXPECT_FALSE(fs::exists(path / ".skipzoo-lock"));
    run(shortest_run(), path);
    expect_same_run(folder / "whole", path);
    fs::remove_all(path);
  }
}

// The same for the binary: nothing in LibTorch may end it otherwise.
class FaultyDiskOfACommand : public testing::Test {
 protected:
  /// Runs the command, whose call of that number finds the disk full.
  static Finished run_with_fault(const std::vector<std::string>& arguments,
                                 int number) {
    auto command = skipzoo_command(arguments);
    command.insert(command.begin(),
                   {"/usr/bin/env", std::string("LD_PRELOAD=") + SKIPZOO_FAULTS,
                    "SKIPZOO_FAULT=" + std::to_string(number) + ":" +
                        std::to_string(ENOSPC)});
    return Process(command).wait();
  }

  /// Exit code 1, and one sentence that says why.
  static void expect_one_sentence(const Finished& finished) {
    EXPECT_EQ(finished.exit_code, 1) << finished.err;
    const auto error = finished.err.find("error: ");
    ASSERT_NE(error, std::string::npos) << finished.err;
    EXPECT_EQ(std::count(finished.err.begin() + static_cast<long>(error),
                         finished.err.end(), '\n'),
              1)
        << finished.err;
    EXPECT_NE(finished.err.find("No space left on device", error),
              std::string::npos)
        << finished.err;
  }

  /// Runs the command with each call failing in turn, at most `most` of them.
  void fail_each(const std::vector<std::string>& arguments, int most,
                 const std::string& output) {
    for (int number = 1; number <= most; ++number) {
      folder.write("net/" + output, "old");
      const auto before = files_in(folder / "net");
      const auto finished = run_with_fault(arguments, number);
      if (finished.exit_code == 0) {
        EXPECT_GE(number, 5);
        return;
      }
      expect_one_sentence(finished);
      EXPECT_EQ(files_in(folder / "net"), before);
    }
    ADD_FAILURE() << "more than " << most << " calls";
  }

  TemporaryFolder folder;
  fs::path config = folder.write(
      "net.yaml",
      "model: {family: densenet, block_config: [2, 2], growth_rate: 4, "
      "num_init_features: 8, num_classes: 4}\n"
      "data: {dataset: synthetic, synthetic_images: 16, image_size: 8, "
      "batch_size: 8, workers: 0}\n"
      "train: {epochs: 1, threads: 1, device: cpu}\n");
};

TEST_F(FaultyDiskOfACommand, IsOneSentence) {
  const auto run_folder = folder / "run";
  run(shortest_run(), run_folder);
  const auto weights = (run_folder / "last.skz").string();
  const auto net = [&](const char* name) {
    return (folder / "net" / name).string();
  };
  fail_each({"export", weights, "-c", config.string(), "--format",
             "torchscript", "-o", net("a.pt")},
            8, "a.pt");
  fail_each({"convert", weights, net("a.safetensors")}, 8, "a.safetensors");
  fail_each({"predict", weights, "-c", config.string(),
             std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg", "--output",
             net("a.txt")},
            8, "a.txt");
}

// What comes before the first epoch; the rest is EndsARunWithOneSentence's.
TEST_F(FaultyDiskOfACommand, LeavesAFolderInWhichTheRunBeginsAnew) {
  const auto path = folder / "fresh/run";
  const std::vector<std::string> train = {"train", "-c", config.string(), "-o",
                                          path.string()};
  for (int number = 1; number <= 16; ++number) {
    fs::remove_all(folder / "fresh");
    expect_one_sentence(run_with_fault(train, number));
    for (const auto& [name, content] : files_in(folder / "fresh")) {
      EXPECT_FALSE(name.ends_with(".tmp")) << name;
    }
    EXPECT_FALSE(fs::exists(path / ".skipzoo-lock")) << number;
  }
  EXPECT_EQ(run_skipzoo(train).exit_code, 0);
}

}  // namespace
}  // namespace skipzoo
