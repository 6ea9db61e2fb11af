#include "tools/run/predictor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "models/zoo.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tools/config/run_config.h"
#include "tools/error.h"
#include "tools/export/export.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

const fs::path kPictures = fs::path(SKIPZOO_GOLDENS) / "pictures";

/// A checkpoint and an export of a small network for pictures of 32 x 32.
class Predicting : public testing::Test {
 protected:
  Predicting() {
    torch::manual_seed(0);
    RunConfig config;
    ResNetOptions net;
    net.depths = {1, 1};
    net.widths = {8, 16};
    net.num_classes = 3;
    config.model = net;
    config.data.dataset = DatasetKind::kSynthetic;
    config.data.image_size = 32;
    config.data.mean = {0.5, 0.4, 0.3};
    config.data.std = {0.2, 0.3, 0.4};
    config.train.device = "cpu";
    model_ = make_model(config.model);
    Checkpoint checkpoint;
    checkpoint.metadata = {.config = dump_config(config),
                           .classes = {"cat", "dog", "eel"},
                           .mean = config.data.mean,
                           .std = config.data.std,
                           .input_shape = {3, 32, 32}};
    checkpoint.weights = state_dict(*model_);
    checkpoint.sections["metrics"] = {{"", torch::zeros({4}, torch::kDouble)}};
    save_checkpoint(folder_ / "last.skz", checkpoint);
    export_network(folder_ / "net.pt",
                   {.model = config.model,
                    .weights = checkpoint.weights,
                    .metadata = checkpoint.metadata},
                   {.program = {.pixels = Pixels::kByte,
                                .mean = config.data.mean,
                                .std = config.data.std}});
    options_ = config.data;
    model_->eval();
  }

  /// By hand: what predict() should say of a picture, or of it and its mirror
  /// image.
  std::vector<double> expected(const fs::path& picture,
                               bool with_mirror_image = false) {
    const torch::NoGradGuard no_grad;
    const auto view = evaluation_view(read_image(picture, 3), options_);
    const auto pixels =
        torch::tensor(std::vector<uint8_t>(view.pixels), torch::kByte)
            .view({1, 32, 32, 3})
            .permute({0, 3, 1, 2});
    const Normaliser normalise(options_.mean, options_.std, torch::kCPU);
    auto logits = model_->forward(normalise(pixels));
    if (with_mirror_image) {
      logits = (logits + model_->forward(normalise(pixels).flip(3))) / 2;
    }
    const auto p = logits.softmax(1)[0];
    return {p[0].item<double>(), p[1].item<double>(), p[2].item<double>()};
  }

  TemporaryFolder folder_;
  std::shared_ptr<Classifier> model_;
  DataOptions options_;
};

TEST_F(Predicting, SaysTheLikeliestClassesOfAPictureByTheirNames) {
  const auto p = expected(kPictures / "rgb.jpg");
  for (const char* file : {"last.skz", "net.pt"}) {
    const auto net = load(folder_ / file);
    const auto found = net.predict(kPictures / "rgb.jpg");
    ASSERT_EQ(found.size(), 3u) << file;
    for (const auto& one : found) {
      EXPECT_NEAR(one.probability, p.at(static_cast<size_t>(one.index)), 1e-5);
      EXPECT_EQ(one.name, (std::vector<std::string>{"cat", "dog", "eel"}.at(
                              static_cast<size_t>(one.index))));
    }
    EXPECT_GE(found[0].probability, found[1].probability);
    EXPECT_GE(found[1].probability, found[2].probability);
    EXPECT_EQ(net.predict(kPictures / "rgb.jpg", 1).size(), 1u);
  }
}

TEST_F(Predicting, AsksOfTheMirrorImageTooWhereThatIsWanted) {
  const auto alone = expected(kPictures / "rgb.jpg");
  const auto both = expected(kPictures / "rgb.jpg", true);
  EXPECT_GT(std::abs(both[0] - alone[0]), 1e-4);
  for (const char* file : {"last.skz", "net.pt"}) {
    const auto net = load({.file = folder_ / file, .views = Views::kHflip});
    for (const auto& one : net.predict(kPictures / "rgb.jpg")) {
      EXPECT_NEAR(one.probability, both.at(static_cast<size_t>(one.index)),
                  1e-5);
    }
  }
}

TEST_F(Predicting, ABrokenPictureIsNamed) {
  const auto net = load(folder_ / "last.skz");
  const auto broken = folder_.write("broken.jpg", "no picture");
  EXPECT_THROW(net.predict(broken), FileError);
  EXPECT_EQ(net.predict(kPictures / "rgb.jpg").size(), 3u);
}

TEST_F(Predicting, ManyThreadsMayAskOneAtTheSameTime) {
  for (const char* file : {"last.skz", "net.pt"}) {
    const auto net = load(folder_ / file);
    std::vector<fs::path> pictures;
    for (const char* name : {"rgb.jpg", "source.png"}) {
      pictures.push_back(kPictures / name);
    }
    std::vector<std::vector<Prediction>> alone;
    for (const auto& picture : pictures) alone.push_back(net.predict(picture));
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (size_t t = 0; t < 6; ++t) {
      threads.emplace_back([&, t, copy = net] {
        for (size_t i = 0; i < 10; ++i) {
          const auto which = (t + i) % pictures.size();
          const auto found = copy.predict(pictures[which]);
          for (size_t k = 0; k < found.size(); ++k) {
            if (found[k].index != alone[which][k].index ||
                found[k].probability != alone[which][k].probability) {
              ++wrong;
            }
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0) << file;
  }
}

}  // namespace
}  // namespace skipzoo
