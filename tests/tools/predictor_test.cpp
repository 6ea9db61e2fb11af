#include "tools/run/predictor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "models/zoo.h"
#include "tests/support/expect_words.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/words_of_error.h"
#include "tools/config/run_config.h"
#include "tools/data/data_file.h"
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

/// The same to the last bit.
void expect_same(const Predictions& a, const Predictions& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t k = 0; k < a.size(); ++k) {
    EXPECT_EQ(a[k].index, b[k].index);
    EXPECT_EQ(a[k].name, b[k].name);
    EXPECT_EQ(a[k].probability, b[k].probability);
  }
}

TEST_F(Predicting, APictureInMemoryIsSeenAsItsFileIs) {
  const auto net = load(folder_ / "last.skz");
  const auto file = kPictures / "rgb.jpg";
  const auto expected = net.predict(file);
  expect_same(net.predict(read_data_file(file, 1 << 20)), expected);
  const Image image = read_image(file, 3);
  expect_same(net.predict(image), expected);

  struct Layout {
    PixelFormat format;
    std::vector<int> channels;  ///< Of RGB and, as 3, what does not count.
  };
  for (const auto& [format, channels] : {Layout{PixelFormat::kRgb, {0, 1, 2}},
                                         {PixelFormat::kBgr, {2, 1, 0}},
                                         {PixelFormat::kRgba, {0, 1, 2, 3}},
                                         {PixelFormat::kBgra, {2, 1, 0, 3}}}) {
    for (const bool upwards : {false, true}) {
      const int64_t bytes = std::ssize(channels);
      const int64_t stride = image.width * bytes + 5;
      std::vector<uint8_t> memory(static_cast<size_t>(image.height * stride),
                                  77);
      for (int64_t y = 0; y < image.height; ++y) {
        const int64_t row = upwards ? image.height - 1 - y : y;
        for (int64_t x = 0; x < image.width; ++x) {
          for (int64_t c = 0; c < bytes; ++c) {
            const int from = channels[static_cast<size_t>(c)];
            if (from == 3) continue;
            memory[static_cast<size_t>(row * stride + x * bytes + c)] =
                image.pixels[static_cast<size_t>((y * image.width + x) * 3 +
                                                 from)];
          }
        }
      }
      const PixelView view = {
          .data = memory.data() + (upwards ? (image.height - 1) * stride : 0),
          .width = image.width,
          .height = image.height,
          .format = format,
          .stride = upwards ? -stride : stride};
      expect_same(net.predict(view), expected);
      EXPECT_EQ(net.embedding(view), net.embedding(file));
    }
  }
}

TEST_F(Predicting, GreyPixelsAreSeenAsAGreyFileIs) {
  const auto net = load(folder_ / "last.skz");
  const Image grey = read_image(kPictures / "rgb.jpg", 1);
  const PixelView view = {.data = grey.pixels.data(),
                          .width = grey.width,
                          .height = grey.height,
                          .format = PixelFormat::kGrey};
  expect_same(net.predict(view), net.predict(with_channels(grey, 3)));
}

TEST_F(Predicting, PixelsThatAreNoPictureAreRefused) {
  const auto net = load(folder_ / "last.skz");
  const std::vector<uint8_t> memory(300);
  const auto error = [&](const PixelView& view) {
    return words_of_error([&] { net.predict(view); });
  };
  expect_words(error({.data = memory.data(), .width = 0, .height = 3}),
               "a picture of 0 x 3 pixels");
  expect_words(error({.width = 4, .height = 3}), "a picture without data");
  expect_words(
      error({.data = memory.data(), .width = 4, .height = 3, .stride = 11}),
      "a stride of 11 bytes for rows of 12");
}

TEST_F(Predicting, ManyPicturesGoInBatches) {
  for (const char* file : {"last.skz", "net.pt"}) {
    const auto net = load(folder_ / file);
    std::vector<fs::path> pictures;
    for (int i = 0; i < 35; ++i) {  // More than a batch.
      pictures.push_back(kPictures / (i % 3 == 0 ? "source.png" : "rgb.jpg"));
    }
    const auto all = net.predict_all(pictures, 2);
    ASSERT_EQ(all.size(), pictures.size());
    for (size_t i = 0; i < all.size(); ++i) {
      const auto alone = net.predict(pictures[i], 2);
      ASSERT_EQ(all[i].size(), 2u);
      EXPECT_EQ(all[i][0].index, alone[0].index);
      EXPECT_NEAR(all[i][0].probability, alone[0].probability, 1e-5);
    }
  }
}

TEST_F(Predicting, StopsWhereItIsAskedTo) {
  const auto net = load(folder_ / "last.skz");
  const std::vector<fs::path> pictures(70, kPictures / "rgb.jpg");
  std::stop_source asked;
  EXPECT_EQ(net.predict_all(pictures, 1, asked.get_token()).size(), 70u);
  asked.request_stop();
  EXPECT_TRUE(net.predict_all(pictures, 1, asked.get_token()).empty());
}

TEST_F(Predicting, AnEmbeddingIsOfARunAlone) {
  const auto picture = kPictures / "rgb.jpg";
  EXPECT_EQ(load(folder_ / "last.skz").embedding(picture).size(), 16u);
  EXPECT_THROW(load(folder_ / "net.pt").embedding(picture), ConfigError);
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
