// A fuzzer that knows the formats. SKIPZOO_FUZZ_SECONDS runs it longer, from
// SKIPZOO_FUZZ_SEED on; a file that fails is kept beside the test.

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "tests/support/grammar.h"
#include "tests/support/hostile.h"
#include "tools/train/checkpoint.h"
#include "tools/weights/program_check.h"
#include "tools/weights/tensor_builder.h"

namespace skipzoo {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double from_environment(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atof(text) : otherwise;
}

/// How often a reader took a file, so that the fuzzer is known to come through.
struct Taken {
  int64_t weights = 0;
  int64_t checkpoints = 0;
  int64_t programs = 0;
};

template <typename Read>
void count(int64_t& taken, Read read) {
  try {
    read();
    ++taken;
  } catch (const FileError&) {
  }
}

void read_every_way(const std::filesystem::path& path, Taken& taken) {
  count(taken.weights, [&] {
    const auto file = read_weight_file(path);
    uint64_t bytes = 0;
    for (const auto& [name, tensor] : file.tensors) {
      const auto numbers = tensor.contiguous();
      bytes += numbers.nbytes();
      const auto* first =
          static_cast<const unsigned char*>(numbers.const_data_ptr());
      unsigned sum = 0;
      for (size_t i = 0; i < numbers.nbytes(); ++i) sum += first[i];
      ASSERT_GE(sum, 0u);
    }
    ASSERT_LE(bytes, (TensorBuilder::kMostTimes + 1) *
                         std::filesystem::file_size(path));
  });
  count(taken.weights, [&] { read_weight_file(path, {.shapes_only = true}); });
  count(taken.checkpoints, [&] { load_checkpoint(path); });
  count(taken.programs, [&] { check_program(path); });
  int64_t any = 0;  // It takes what is no checkpoint, and says so.
  count(any, [&] { read_metadata(path); });
}

TEST(HostileGrammar, EveryFileIsReadOrRefused) {
  const double seconds = from_environment("SKIPZOO_FUZZ_SECONDS", 60);
  auto seed = static_cast<uint64_t>(from_environment("SKIPZOO_FUZZ_SEED", 1));
  TemporaryFolder folder;
  const PeakMemory peak;
  Taken taken;
  double longest = 0;
  int64_t files = 0;
  const auto start = Clock::now();
  for (; seconds_since(start) < seconds; ++seed, ++files) {
    const auto bytes = Grammar(seed).file();
    const auto path = folder.write("hostile", bytes);
    // A crash leaves it to be looked at.
    if (std::getenv("SKIPZOO_FUZZ_SECONDS") != nullptr) {
      std::ofstream("fuzz-last", std::ios::binary) << bytes;
    }
    const double began = computing_seconds();
    read_every_way(path, taken);
    longest = std::max(longest, computing_seconds() - began);
    ASSERT_LT(longest, 5) << "seed " << seed;
  }
  EXPECT_GT(taken.weights, files / 20) << files;
  // Of each the grammar makes one honest file in 27.
  EXPECT_GE(taken.checkpoints, files / 300) << files;
  EXPECT_GE(taken.programs, files / 300) << files;
  EXPECT_LT(peak.megabytes(), 1000);
  RecordProperty("files", std::to_string(files));
  std::printf(
      "%ld files; taken: %ld as weights, %ld as checkpoints, %ld as "
      "programs; longest %.2f s; peak %ld MB\n",
      files, taken.weights, taken.checkpoints, taken.programs, longest,
      peak.megabytes());
}

}  // namespace
}  // namespace skipzoo
