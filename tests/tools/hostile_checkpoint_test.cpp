// Checkpoints of ours as an attacker, or a bad disk, would leave them: each is
// taken whole or refused with a FileError.

#include <ATen/CPUGeneratorImpl.h>
#include <sys/stat.h>

#include "tests/support/hostile.h"
#include "tests/support/pickle_text.h"
#include "tests/support/zip.h"
#include "tools/data/random.h"
#include "tools/train/checkpoint.h"
#include "tools/train/random_state.h"
#include "tools/train/training_state.h"

namespace skipzoo {
namespace {

using pickled::Tensor;

/// The parts of a checkpoint, each of which a test replaces by a wrong one.
struct Parts {
  std::string words =
      R"({"format":1,"config":"","classes":["a"],"mean":[0.5],"std":[0.5],)"
      R"("input_shape":[1,4,4],"epoch":1,"batch":2,"step":3,"best_epoch":1,)"
      R"("best_value":50.0})";
  std::string weights =
      pickled::whole(pickled::dict({pickled::text("w"), pickled::tensor({})}));
  std::string weight_data = std::string(16, '\0');
  Tensor metrics = {.storage = "DoubleStorage"};
  std::string metrics_data = std::string(32, '\0');
  Tensor random = {.storage = "ByteStorage",
                   .key = "1",
                   .length = state_size(),
                   .sizes = {state_size()}};
  std::string random_data = state();

  static std::string state() {
    const auto state = at::detail::createCPUGenerator().get_state();
    return {static_cast<const char*>(state.const_data_ptr()), state.nbytes()};
  }
  static int64_t state_size() { return static_cast<int64_t>(state().size()); }

  std::string bytes() const {
    const auto run = pickled::whole(
        pickled::dict({pickled::text("metrics"), pickled::tensor(metrics),
                       pickled::text("random/cpu"), pickled::tensor(random)}));
    return zip_of({{.name = "a/data.pkl", .data = weights},
                   {.name = "a/data/0", .data = weight_data},
                   {.name = "a/run.pkl", .data = run},
                   {.name = "a/run/0", .data = metrics_data},
                   {.name = "a/run/1", .data = random_data},
                   {.name = "a/skipzoo.json", .data = words}});
  }
};

std::string checkpoint_error(const Parts& parts) {
  TemporaryFolder folder;
  const auto path = folder.write("last.skz", parts.bytes());
  return file_error([&] {
    const auto checkpoint = load_checkpoint(path);
    TrainingState state([] { return NamedTensors(); }, [](const auto&) {});
    state.add(random_section(torch::kCPU));
    state.add({.name = "metrics", .save = {}, .load = [](const auto&) {}});
    state.load(checkpoint, path);
  });
}

void expect_checkpoint_refused(const Parts& parts, const std::string& words) {
  expect_says(checkpoint_error(parts), words);
}

TEST(HostileCheckpoint, IsReadWhereNothingIsWrong) {
  EXPECT_EQ(checkpoint_error({}), "no error");
}

TEST(HostileCheckpoint, RecordsShorterThanTheirTensorsAreRefused) {
  expect_checkpoint_refused({.weight_data = ""}, "expected 16");
  expect_checkpoint_refused({.weight_data = std::string(15, '\0')},
                            "expected 16");
  expect_checkpoint_refused({.metrics_data = std::string(24, '\0')},
                            "expected 32");
  expect_checkpoint_refused({.weights = pickled::whole(pickled::tensor({}))},
                            "holds no dict");
  expect_checkpoint_refused(
      {.weights = pickled::whole(std::string(100'000, '('))}, "not a readable");
}

TEST(HostileCheckpoint, NumbersOutOfTheirRangeAreRefused) {
  const auto with = [](const std::string& usual, const std::string& odd) {
    Parts parts;
    const auto at = parts.words.find(usual);
    EXPECT_NE(at, std::string::npos);
    parts.words.replace(at, usual.size(), odd);
    return parts;
  };
  for (const char* key : {"epoch", "batch", "step", "best_epoch"}) {
    const auto usual = "\"" + std::string(key) + "\":";
    for (const char* odd :
         {"-", "99999999999999999", "1.5e", "[", "true,\"x\":"}) {
      expect_checkpoint_refused(with(usual, usual + odd), "skipzoo.json");
    }
  }
  expect_checkpoint_refused(with("[1,4,4]", "[]"), "input_shape");
  expect_checkpoint_refused(with("[1,4,4]", "[1,4,-4]"), "input_shape");
  expect_checkpoint_refused(with("[1,4,4]", "[1,4,0]"), "input_shape");
  expect_checkpoint_refused(with("[1,4,4]", "[1,4,4611686018427387904]"),
                            "input_shape");
  expect_checkpoint_refused(with("[1,4,4]", "[1,4,4,4]"), "input_shape");
  expect_checkpoint_refused(with("\"std\":[0.5]", "\"std\":[0]"), "std");
  expect_checkpoint_refused(with("\"mean\":[0.5]", "\"mean\":[0.5,0.5]"),
                            "mean");
  expect_checkpoint_refused(with("\"format\":1", "\"format\":0"), "format");
  Parts deep;
  deep.words = std::string(1'000'000, '[');
  expect_checkpoint_refused(deep, "skipzoo.json");
}

TEST(HostileCheckpoint, StatesThatNoGeneratorHasAreRefused) {
  Parts wrong;
  wrong.random.sizes = {5};
  expect_checkpoint_refused(wrong, "random/cpu");
  wrong = {};
  wrong.random_data.assign(wrong.random_data.size(), '\xff');
  expect_checkpoint_refused(wrong, "random/cpu");
  // More numbers left than there are behind the next one: LibTorch would draw
  // them from behind its list. After the seed's 8 bytes stand `left` in 4,
  // whether it is seeded in 4, and `next` in 8.
  wrong = {};
  wrong.random_data.replace(8, 4, little_endian(600, 4));
  wrong.random_data.replace(16, 8, little_endian(600));
  expect_checkpoint_refused(wrong, "random/cpu");
  wrong.random_data.replace(16, 8, little_endian(25));
  EXPECT_EQ(checkpoint_error(wrong), "no error");
  wrong = {};
  wrong.random.storage = "FloatStorage";
  wrong.random.length = 4;
  wrong.random.sizes = {4};
  expect_checkpoint_refused(wrong, "random/cpu");
}

/// What tells of each part of a checkpoint, to the last number.
std::string contents(const Checkpoint& checkpoint) {
  std::string all = std::to_string(checkpoint.position.epoch) + " " +
                    std::to_string(checkpoint.position.batch) + " " +
                    std::to_string(checkpoint.position.step) + " " +
                    std::to_string(checkpoint.best.epoch) + " " +
                    std::to_string(checkpoint.best.value) + " " +
                    checkpoint.metadata.classes.at(0);
  const auto add = [&](const std::string& name, const torch::Tensor& tensor) {
    all += name;
    all.append(static_cast<const char*>(tensor.const_data_ptr()),
               tensor.nbytes());
  };
  for (const auto& [name, tensor] : checkpoint.weights) add(name, tensor);
  for (const auto& [section, tensors] : checkpoint.sections) {
    all += section;
    for (const auto& [name, tensor] : tensors) add(name, tensor);
  }
  return all;
}

TEST(HostileCheckpoint, AFlippedBitIsFoundByItsRecordsSum) {
  TemporaryFolder folder;
  Parts parts;
  parts.weight_data = "0123456789abcdef";
  parts.metrics_data = "0123456789ABCDEF0123456789ABCDEF";
  const auto good = parts.bytes();
  const auto flipped = [&](const std::string& part) {
    auto bytes = good;
    bytes.at(bytes.find(part) + part.size() / 2) ^= '\1';
    return folder.write("last.skz", bytes);
  };
  for (const auto& [part, record] :
       {std::pair(parts.weights, "data.pkl"),
        std::pair(parts.weight_data, "data/0"),
        std::pair("X" + little_endian(10, 4) + "random/cpu", "run.pkl"),
        std::pair(parts.metrics_data, "run/0"),
        std::pair(parts.random_data, "run/1"),
        std::pair(parts.words, "skipzoo.json")}) {
    const auto path = flipped(part);
    const auto words = "its record a/" + std::string(record) +
                       " is damaged: its CRC-32 is another";
    expect_says(file_error([&] { load_checkpoint(path); }), words);
  }
  const auto path = flipped(parts.words);
  expect_says(file_error([&] { read_metadata(path); }), "its CRC-32");
}

TEST(HostileCheckpoint, AFlippedBitAnywhereChangesNothingInSilence) {
  TemporaryFolder folder;
  const auto good = Parts{}.bytes();
  const auto right = contents(load_checkpoint(folder.write("good.skz", good)));
  Random random(19);
  for (int i = 0; i < 300; ++i) {
    auto bytes = good;
    // Half of them in the list at the end, which has the fewest bytes.
    const auto from = i % 2 == 0 ? size_t{0} : good.find("PK\1\2");
    bytes[from + static_cast<size_t>(
                     random.below(static_cast<int64_t>(good.size() - from)))] ^=
        static_cast<char>(1 << random.below(8));
    const auto path = folder.write("flipped.skz", bytes);
    try {
      EXPECT_EQ(contents(load_checkpoint(path)), right) << i;
    } catch (const FileError&) {
    }
  }
}

TEST(HostileCheckpoint, APipeIsNotWaitedFor) {
  TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(load_checkpoint(pipe), FileError);
  EXPECT_THROW(read_metadata(pipe), FileError);
  EXPECT_THROW(read_weight_file(pipe), FileError);
  EXPECT_THROW(read_weight_file("/dev/zero"), FileError);
}

}  // namespace
}  // namespace skipzoo
