#include "tools/train/checkpoint.h"

#include <gtest/gtest.h>

#include "models/zoo.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/weight_files.h"
#include "tests/support/zip.h"
#include "tools/train/random_state.h"
#include "tools/weights/zip_file.h"

namespace skipzoo {
namespace {

Checkpoint example() {
  return {.metadata = {.config = "model: {family: resnet}\n",
                       .classes = {"cat", "dog \"of\" war", "käfer"},
                       .mean = {0.1, 1.0 / 3, 0.5},
                       .std = {0.2, 0.3, 0.4},
                       .input_shape = {3, 32, 32}},
          .weights = {{"conv1.weight",
                       torch::randn({4, 3, 3, 3})
                           .contiguous(at::MemoryFormat::ChannelsLast)},
                      {"bn1.num_batches_tracked", torch::tensor(7)}},
          .sections =
              {{"optimizer",
                {{"momentum_buffer.conv1.weight", torch::randn({4, 3, 3, 3})}}},
               {"random", random_state(torch::kCPU)},
               {"metrics", {{"", torch::tensor({1.5, 2.5}, torch::kDouble)}}}},
          .position = {.epoch = 3,
                       .batch = 17,
                       .step = 1234,
                       .pictures = 272,
                       .pictures_of_batch = 16},
          .best = {.epoch = 2, .value = 98.25}};
}

std::string load_error(const std::filesystem::path& path) {
  return file_error([&] { load_checkpoint(path); });
}

void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_EQ(a[i].second.scalar_type(), b[i].second.scalar_type());
    EXPECT_TRUE(torch::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

TEST(Checkpoint, ComesBackBitForBit) {
  TemporaryFolder folder;
  const Checkpoint saved = example();
  save_checkpoint(folder / "last.skz", saved);
  const Checkpoint loaded = load_checkpoint(folder / "last.skz");
  EXPECT_EQ(loaded.metadata.config, saved.metadata.config);
  EXPECT_EQ(loaded.metadata.classes, saved.metadata.classes);
  EXPECT_EQ(loaded.metadata.mean, saved.metadata.mean);
  EXPECT_EQ(loaded.metadata.std, saved.metadata.std);
  EXPECT_EQ(loaded.metadata.input_shape, saved.metadata.input_shape);
  expect_equal(loaded.weights, saved.weights);
  ASSERT_EQ(loaded.sections.size(), saved.sections.size());
  for (const auto& [name, tensors] : saved.sections) {
    ASSERT_TRUE(loaded.sections.contains(name)) << name;
    expect_equal(loaded.sections.at(name), tensors);
  }
  EXPECT_EQ(loaded.position.epoch, 3);
  EXPECT_EQ(loaded.position.batch, 17);
  EXPECT_EQ(loaded.position.step, 1234);
  EXPECT_EQ(loaded.position.pictures, 272);
  EXPECT_EQ(loaded.position.pictures_of_batch, 16);
  EXPECT_EQ(loaded.best.epoch, 2);
  EXPECT_EQ(loaded.best.value, 98.25);
}

TEST(Checkpoint, LeavesNothingBesideItself) {
  TemporaryFolder folder;
  save_checkpoint(folder / "last.skz", example());
  save_checkpoint(folder / "last.skz", example());
  int64_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_EQ(entry.path().filename(), "last.skz");
    ++files;
  }
  EXPECT_EQ(files, 1);
}

TEST(Checkpoint, ANewerFormatIsRefusedByNumber) {
  TemporaryFolder folder;
  save_checkpoint(folder / "last.skz", example());
  const ZipFile zip(InputFile::open(folder / "last.skz"));
  std::vector<ZipRecord> records;
  for (const auto& record : zip.records()) {
    std::vector<uint8_t> bytes(record.size);
    zip.read(record, bytes);
    records.push_back(
        {.name = record.name, .data = {bytes.begin(), bytes.end()}});
    const auto at = records.back().data.find("\"format\":2");
    if (at != std::string::npos) records.back().data[at + 9] = '9';
  }
  folder.write("new.skz", zip_of(records));
  EXPECT_NE(load_error(folder / "new.skz")
                .find("checkpoint format 9, but this skipzoo reads up to 2"),
            std::string::npos)
      << load_error(folder / "new.skz");
}

TEST(Checkpoint, WhatIsNotOneIsRefused) {
  TemporaryFolder folder;
  save_checkpoint(folder / "last.skz", example());
  const auto whole = read_text(folder / "last.skz");
  folder.write("cut.skz", whole.substr(0, whole.size() / 2));
  folder.write("text.skz", "hello");
  folder.write("empty.skz", "");
  for (const char* name : {"cut.skz", "text.skz"}) {
    EXPECT_NE(load_error(folder / name).find("not a readable checkpoint"),
              std::string::npos)
        << load_error(folder / name);
  }
  expect_says(load_error(folder / "empty.skz"), "is empty");
  // Names that the system does not take are words too.
  std::filesystem::create_symlink("loop.skz", folder / "loop.skz");
  expect_says(load_error(folder / "loop.skz"), "cannot be read");
  expect_says(load_error(folder / std::string(300, 'n')), "cannot be read");
  EXPECT_FALSE(read_position(folder / "loop.skz").has_value());
  EXPECT_NE(load_error(folder / "absent.skz").find("no such checkpoint"),
            std::string::npos);
  EXPECT_NE(load_error(folder.path()).find("is a folder"), std::string::npos);
}

TEST(RandomState, BringsTheSameNumbersBack) {
  torch::manual_seed(3);
  const auto state = random_state(torch::kCPU);
  const auto first = torch::rand(5);
  set_random_state(state, torch::kCPU);
  EXPECT_TRUE(torch::equal(torch::rand(5), first));
}

}  // namespace
}  // namespace skipzoo
