// A whole run whose training pictures have another size than those that it is
// evaluated on.

#include <gtest/gtest.h>

#include "tests/support/expect_words.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {
namespace {

class TrainSizesRun : public testing::Test {
 protected:
  Finished train(std::vector<std::string> sets) {
    const auto config = folder_.write(
        "run.yaml",
        "model: {family: densenet, block_config: [1, 1, 1], growth_rate: 4,\n"
        "  num_init_features: 8, num_classes: 4}\n"
        "data: {dataset: synthetic, synthetic_images: 16, image_size: 12,\n"
        "  batch_size: 8}\n"
        "train: {epochs: 4, threads: 1, device: cpu}\n");
    std::vector<std::string> arguments = {"train", "-c", config.string(), "-o",
                                          run().string()};
    for (const auto& set : sets) {
      arguments.insert(arguments.end(), {"--set", set});
    }
    return run_skipzoo(arguments);
  }
  std::filesystem::path run() const { return folder_ / "run"; }

  TemporaryFolder folder_;
};

TEST_F(TrainSizesRun, SaysTheSizeWhereItChangesAndIsUsedAtImageSize) {
  const auto finished =
      train({"data.progressive_resizing={min_res: 8, max_res: 10, start_ramp: "
             "1, end_ramp: 2}"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto log = read_text(run() / "train.log");
  int epochs = 0;
  for (size_t at = 0; (at = log.find("Val:   ", at)) != log.npos; ++at) {
    const auto line = log.substr(at, log.find('\n', at) - at);
    ++epochs;
    expect_words(line, " s)  Data: ");
    EXPECT_EQ(line.find("  Size: 10") != line.npos, epochs == 3) << line;
  }
  EXPECT_EQ(epochs, 4);
  EXPECT_EQ(load_checkpoint(run() / "last.skz").metadata.input_shape,
            (std::vector<int64_t>{3, 12, 12}));
  const auto evaluated =
      run_skipzoo({"evaluate", (run() / "best.skz").string(), "--json"});
  EXPECT_EQ(evaluated.exit_code, 0) << evaluated.err;
}

TEST_F(TrainSizesRun, ASizeThatTheNetworkCannotTakeIsNamed) {
  // Two halvings of two pixels leave none.
  expect_words(train({"data.train_size=2"}), 2,
               "data.train_size: pictures of 2 x 2 do not pass through this "
               "network");
  expect_words(train({"data.progressive_resizing={min_res: 3, max_res: 8}"}), 2,
               "data.progressive_resizing.min_res: pictures of 3 x 3 do not");
  expect_words(train({"data.image_size=2", "data.train_size=8"}), 2,
               "data.image_size: pictures of 2 x 2 do not");
  EXPECT_FALSE(std::filesystem::exists(run()));
}

TEST_F(TrainSizesRun, ASizeBeyondTheMachineIsNamed) {
  const std::string many = "data.batch_size=1000000";
  expect_words(train({many, "data.train_size=4000"}), 2,
               "pictures of data.train_size 4000 takes");
  expect_words(
      train({many, "data.progressive_resizing={min_res: 8, max_res: 4000}"}), 2,
      "pictures of data.progressive_resizing.max_res 4000 takes");
  // The picture alone is no burden; what the network makes of it is.
  expect_words(train({"data.train_size=12000", "data.batch_size=2",
                      "model.num_init_features=1000"}),
               2, "data.train_size: a picture of 3 x 12000 x 12000 takes");
}

}  // namespace
}  // namespace skipzoo
