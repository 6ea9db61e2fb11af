// What report.html and evaluate say of single pictures.

#include "tools/report/mistakes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "models/zoo.h"
#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/data/heat_map.h"
#include "tools/data/png_writer.h"
#include "tools/data/random.h"
#include "tools/train/examples.h"

namespace skipzoo {
namespace {

JudgedPicture judged_picture(int64_t index, bool right, double probability) {
  return {.index = index,
          .label = 1,
          .predicted = right ? 1 : 0,
          .probability = probability};
}

std::vector<int64_t> numbers_of(const std::vector<JudgedPicture>& pictures) {
  std::vector<int64_t> numbers;
  for (const auto& one : pictures) numbers.push_back(one.index);
  return numbers;
}

using Numbers = std::vector<int64_t>;

TEST(Judged, MistakesAndHitsAreInOrderOfTheirConfidence) {
  const std::vector<JudgedPicture> judged = {
      judged_picture(0, false, 0.5), judged_picture(1, false, 0.9),
      judged_picture(2, true, 0.9),  judged_picture(4, false, 0.5),
      judged_picture(5, true, 0.3),  judged_picture(7, false, 0.99),
      judged_picture(8, true, 0.3)};
  EXPECT_EQ(numbers_of(confident_mistakes(judged, 12)), (Numbers{7, 1, 0, 4}));
  EXPECT_EQ(numbers_of(confident_mistakes(judged, 3)), (Numbers{7, 1, 0}));
  EXPECT_EQ(numbers_of(doubtful_hits(judged, 12)), (Numbers{5, 8, 2}));
  EXPECT_TRUE(confident_mistakes({}, 12).empty());
  EXPECT_TRUE(doubtful_hits({judged_picture(0, false, 1)}, 12).empty());
}

TEST(Judged, AThresholdKeepsThosePicturesThatReachIt) {
  // Of five pictures, three are right.
  const auto rows = at_thresholds(
      {judged_picture(0, true, 0.5), judged_picture(1, false, 0.55),
       judged_picture(2, true, 0.8), judged_picture(3, false, 0.85),
       judged_picture(4, true, 0.97)});
  ASSERT_EQ(rows.size(), 7u);
  const double thresholds[] = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99};
  const double coverages[] = {100, 60, 60, 60, 20, 20, 0};
  const double accuracies[] = {60, 200. / 3, 200. / 3, 200. / 3, 100, 100};
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(rows[i].threshold, thresholds[i]);
    EXPECT_NEAR(rows[i].coverage, coverages[i], 1e-9) << i;
    if (i == 6) continue;
    EXPECT_NEAR(rows[i].accuracy, accuracies[i], 1e-9) << i;
  }
  EXPECT_TRUE(std::isnan(rows[6].accuracy));
  // scipy.stats.binomtest(2, 3).proportion_ci(method="wilson").
  EXPECT_NEAR(rows[1].low, 20.7660, 1e-4);
  EXPECT_NEAR(rows[1].high, 93.8508, 1e-4);
  EXPECT_TRUE(at_thresholds({}).empty());
}

// Guo et al. 2017, equation 3, by hand.
TEST(Judged, CalibrationIsTheDistanceOfConfidenceAndAccuracy) {
  const auto bins = confidence_bins(
      {judged_picture(0, true, 0.95), judged_picture(1, false, 0.97),
       judged_picture(2, true, 0.35), judged_picture(3, false, 0.39),
       judged_picture(4, true, 0.5)});
  ASSERT_EQ(bins.size(), 15u);
  EXPECT_EQ(bins[14].pictures, 2);
  EXPECT_NEAR(bins[14].confidence, 0.96, 1e-12);
  EXPECT_NEAR(bins[14].accuracy, 0.5, 1e-12);
  EXPECT_EQ(bins[5].pictures, 2);
  EXPECT_EQ(bins[7].pictures, 1);
  const double expected =
      100 * (2. / 5 * 0.46 + 2. / 5 * std::abs(0.5 - 0.37) + 1. / 5 * 0.5);
  EXPECT_NEAR(expected_calibration_error(bins), expected, 1e-9);
  EXPECT_TRUE(std::isnan(expected_calibration_error(confidence_bins({}))));
}

// The bounds belong to the lower bin; what is no number is in the first.
TEST(Judged, AConfidenceOnABoundIsInTheLowerBin) {
  const auto bins =
      confidence_bins({judged_picture(0, true, 1), judged_picture(1, true, 0),
                       judged_picture(2, true, 1. / 15)});
  EXPECT_EQ(bins[14].pictures, 1);
  EXPECT_EQ(bins[0].pictures, 2);
}

TEST(MistakesHtml, ShowsHowFarConfidenceIsFromAccuracy) {
  Mistakes mistakes;
  mistakes.thresholds = at_thresholds({judged_picture(0, true, 0.9)});
  mistakes.confidence = confidence_bins(
      {judged_picture(0, true, 0.9), judged_picture(1, false, 0.9)});
  const auto html = mistakes_html(mistakes, 3);
  EXPECT_NE(html.find("Expected calibration error 40.00%"), html.npos);
  EXPECT_NE(html.find("confidence 90.00%, accuracy 50.00%, pictures 2\""),
            html.npos);
  EXPECT_EQ(mistakes_in("before" + html + "after", 3), html);
}

/// As if another process had seen the very same pictures.
class Doubled : public Collective {
 public:
  int64_t rank() const override { return 0; }
  int64_t size() const override { return 2; }
  void sum(torch::Tensor& tensor) override { tensor.mul_(2); }
  void broadcast(torch::Tensor&) override {}
  bool any(bool mine) override { return mine; }
};

TEST(Judged, PicturesAreCollectedInTheOrderOfTheDataSet) {
  Judgements judgements(5, torch::kCPU);
  const auto nan = std::nanf("");
  judgements.add(torch::tensor({4, 1}, torch::kLong),
                 torch::tensor({{0.F, 0.F, 2.F}, {1.F, 0.F, 0.F}}),
                 torch::tensor({2, 1}, torch::kLong));
  judgements.add(torch::tensor({0}, torch::kLong), torch::full({1, 3}, nan),
                 torch::tensor({0}, torch::kLong));
  Doubled both;
  const auto alone = single_process();
  for (Collective* processes : {alone.get(), static_cast<Collective*>(&both)}) {
    const auto judged = judgements.result(*processes);
    ASSERT_EQ(numbers_of(judged), (Numbers{0, 1, 4}));
    EXPECT_EQ(judged[0].probability, 0);  // Of what is no number.
    EXPECT_EQ(judged[1].label, 1);
    EXPECT_EQ(judged[1].predicted, 0);
    EXPECT_NEAR(judged[1].probability, std::exp(1) / (std::exp(1) + 2), 1e-6);
    EXPECT_TRUE(judged[2].is_right());
    EXPECT_NEAR(judged[2].probability, std::exp(2) / (std::exp(2) + 2), 1e-6);
  }
}

// matplotlib's colormaps["turbo"] at 0, 64, 128, 192 and 255 of 255.
TEST(HeatMap, HasTheColoursOfTurbo) {
  const int expected[][4] = {{0, 48, 18, 59},
                             {64, 40, 188, 235},
                             {128, 164, 252, 60},
                             {192, 251, 126, 33},
                             {255, 122, 4, 3}};
  for (const auto& [place, red, green, blue] : expected) {
    const auto colour = turbo(place / 255.);
    EXPECT_NEAR(colour[0], red, 4) << place;
    EXPECT_NEAR(colour[1], green, 4) << place;
    EXPECT_NEAR(colour[2], blue, 4) << place;
  }
  EXPECT_EQ(turbo(-1), turbo(0));
  EXPECT_EQ(turbo(2), turbo(1));
}

TEST(HeatMap, LiesOverThePicture) {
  Image grey(1, 4, 4);
  std::ranges::fill(grey.pixels, uint8_t{100});
  const auto heat = torch::tensor({{0.F, 1.F}, {0.F, 1.F}});
  const Image both = with_heat(grey, heat);
  ASSERT_EQ(both.channels, 3);
  ASSERT_EQ(both.width, 4);
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(both.pixels[c], (100 + turbo(0)[c] + 1) / 2);
    EXPECT_EQ(both.pixels[9 + c], (100 + turbo(1)[c] + 1) / 2);
  }
  EXPECT_EQ(heat_colours(heat).pixels.size(), 12u);
  EXPECT_EQ(heat_colours(heat).pixels[3], turbo(1)[0]);
}

Image noise(int64_t channels, int64_t height, int64_t width, uint64_t seed) {
  Image image(channels, height, width);
  Random random(seed);
  for (auto& pixel : image.pixels) {
    pixel = static_cast<uint8_t>(random.below(256));
  }
  return image;
}

TEST(PngWriter, IsReadAgainPixelByPixel) {
  for (const int64_t channels : {1, 3}) {
    const Image image = noise(channels, 5, 7, 1);
    const auto png = encode_png(image);
    const auto read = decode_image(
        {reinterpret_cast<const uint8_t*>(png.data()), png.size()}, channels);
    EXPECT_EQ(read.height, 5);
    EXPECT_EQ(read.width, 7);
    EXPECT_EQ(read.pixels, image.pixels) << channels;
  }
}

/// The bytes behind a data URI, and the PNG's pixels.
std::string bytes_of_uri(const std::string& uri) {
  const std::string digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string start = "data:image/png;base64,";
  EXPECT_TRUE(uri.starts_with(start)) << uri.substr(0, 40);
  EXPECT_EQ((uri.size() - start.size()) % 4, 0u);
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : uri.substr(start.size())) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

std::vector<std::string> sources_in(const std::string& html) {
  std::vector<std::string> sources;
  const std::string before = "src=\"";
  for (auto at = html.find(before); at != html.npos;
       at = html.find(before, at + 1)) {
    const auto from = at + before.size();
    sources.push_back(html.substr(from, html.find('"', from) - from));
  }
  return sources;
}

/// 24 pictures of noise of which the even ones are taken for another class,
/// the more confidently the larger their number.
struct NoisyPictures {
  NoisyPictures(int64_t size, int64_t channels) {
    std::vector<uint8_t> pixels;
    for (int64_t i = 0; i < 24; ++i) {
      pictures.push_back(noise(channels, size, size, static_cast<uint64_t>(i)));
      pixels.insert(pixels.end(), pictures.back().pixels.begin(),
                    pictures.back().pixels.end());
      judged.push_back(
          judged_picture(i, i % 2 == 1, 0.5 + static_cast<double>(i) / 100));
    }
    DataOptions options;
    options.workers = 0;
    loader.emplace(
        std::make_shared<MemoryDataset>(
            pixels, channels, size, size, std::vector<int64_t>(24, 1),
            std::vector<std::string>{"a<b", "cat"}, "memory"),
        options, Loader::Mode::kEvaluate, 1, false);
    ConvNetOptions net;
    net.filters = {4, 4};
    net.strides = {2, 2};
    net.in_channels = channels;
    net.num_classes = 2;
    model = make_model(net);
  }
  Mistakes mistakes() const {
    return look_at_mistakes(model.get(), *loader, {}, judged);
  }

  std::vector<Image> pictures;
  std::vector<JudgedPicture> judged;
  std::optional<Loader> loader;
  std::shared_ptr<Classifier> model;
};

TEST(Mistakes, AreShownWithTheirPicturesAndHeatMaps) {
  for (const int64_t channels : {1, 3}) {
    const NoisyPictures noisy(16, channels);
    const auto html = mistakes_html(noisy.mistakes(), 7);
    EXPECT_EQ(html.find("http"), html.npos);
    EXPECT_EQ(html.find("a<b"), html.npos);
    EXPECT_NE(html.find("<b>cat</b> taken for <b>a&lt;b</b>, 72.00%"),
              html.npos);
    EXPECT_NE(html.find("of epoch 7, the best (best.skz)"), html.npos);
    const auto sources = sources_in(html);
    ASSERT_EQ(sources.size(), 48u);
    for (size_t i = 0; i < 24; ++i) {
      // Mistakes from 22 down, then hits from 1 up.
      const size_t number = i < 12 ? 22 - 2 * i : 2 * (i - 12) + 1;
      const auto read = [&](const std::string& uri) {
        const auto png = bytes_of_uri(uri);
        return decode_image(
            {reinterpret_cast<const uint8_t*>(png.data()), png.size()},
            channels);
      };
      EXPECT_EQ(read(sources[2 * i]).pixels, noisy.pictures[number].pixels)
          << i;
      EXPECT_EQ(read(sources[2 * i + 1]).width, 4);
    }
  }
}

TEST(Mistakes, LeaveAPageBelowTwoMegabytesEvenOfNoise) {
  const NoisyPictures noisy(224, 3);
  const auto mistakes = noisy.mistakes();
  ASSERT_EQ(mistakes.confident_mistakes.size(), 12u);
  const auto html = mistakes_html(mistakes, 1);
  EXPECT_LT(html.size(), 2'000'000u);
  const auto png = bytes_of_uri(sources_in(html).front());
  const auto picture = decode_image(
      {reinterpret_cast<const uint8_t*>(png.data()), png.size()}, 3);
  EXPECT_EQ(picture.width, kMostPixelsOfExample);
}

TEST(Mistakes, MayBeFewOrNone) {
  EXPECT_EQ(mistakes_html({}, 1), "");
  NoisyPictures noisy(16, 3);
  noisy.judged.resize(1);  // A mistake, and no hit.
  const auto html = mistakes_html(noisy.mistakes(), 1);
  EXPECT_EQ(sources_in(html).size(), 2u);
  EXPECT_NE(html.find("<h3>Least confident hits</h3><p>None.</p>"), html.npos);
  noisy.judged.clear();
  EXPECT_EQ(mistakes_html(noisy.mistakes(), 1), "");
}

TEST(Mistakes, AreFoundAgainInAPage) {
  Mistakes one;
  one.thresholds = {{.threshold = 0.5, .coverage = 80, .accuracy = 90}};
  const auto html = mistakes_html(one, 12);
  const auto page = "before" + html + "behind";
  EXPECT_EQ(mistakes_in(page, 12), html);
  EXPECT_EQ(mistakes_in(page, 1), "");
  EXPECT_EQ(mistakes_in(page.substr(0, page.size() - 10), 12), "");
}

/// That the report of a run shows what its best.skz makes of the pictures;
/// returns whether that is by an average of the weights.
bool shows_what_best_skz_makes(double lr, double decay) {
  TemporaryFolder folder;
  auto s = small_run();
  s.train.eval_metric = EvalMetric::kLoss;
  s.train.optimizer.lr = lr;
  s.train.ema.decay = decay;
  const auto summary = run(s, folder / "run");
  // As a network that is loaded from it finds them.
  const auto best = load_checkpoint(folder / "run/best.skz");
  const auto model = make_model(s.model);
  copy_exactly(best.weights, *model);
  move_to(*model, torch::kCPU, s.train.channels_last);
  Loader test(make_synthetic(40, 8, 3, 4, Split::kTest), s.data,
              Loader::Mode::kEvaluate, s.train.seed, false);
  const Preprocessing preprocess{.channels_last = s.train.channels_last};
  const auto found = evaluate(forward_of(*model, Amp::kOff), test, preprocess);
  EXPECT_EQ(found.judged.size(), 40u);
  int64_t right = 0;
  for (const auto& one : found.judged) right += one.is_right() ? 1 : 0;
  EXPECT_NEAR(found.top1, 100 * static_cast<double>(right) / 40, 1e-9);
  const auto expected = mistakes_html(
      look_at_mistakes(model.get(), test, preprocess, found.judged),
      summary.best.epoch);
  EXPECT_EQ(
      mistakes_in(read_text(folder / "run/report.html"), summary.best.epoch),
      expected);
  EXPECT_NE(expected, "");
  return summary.best.by_average;
}

TEST(Mistakes, AreOfTheWeightsThatWereBetter) {
  EXPECT_FALSE(shows_what_best_skz_makes(0.05, 0.5));
  // Weights that jump about have the better average.
  EXPECT_TRUE(shows_what_best_skz_makes(1, 0.95));
}

}  // namespace
}  // namespace skipzoo
