#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/support/expect_words.h"
#include "tests/support/picture_run.h"

namespace skipzoo {
namespace {

const std::string kOfDigits =
    std::string(SKIPZOO_CONFIGS) + "/digits/resnet20.yaml";

Finished benchmark_data_of(const std::string& config,
                           const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"benchmark", "-c",        config,
                                        "--mode",    "data",      "--threads",
                                        "1",         "--seconds", "0.05"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_skipzoo(arguments);
}

void expect_a_row(const nlohmann::json& row, int64_t workers) {
  EXPECT_EQ(row.at("workers"), workers);
  EXPECT_GT(row.at("images_per_s"), 0);
  EXPECT_GT(row.at("cpu_ms"), 0);
  double sum = 0;
  for (const char* part : {"decode", "resize", "augment", "rest"}) {
    EXPECT_GE(row.at(part), 0) << row;
    sum += row.at(part).get<double>();
  }
  EXPECT_NEAR(sum, 1, 1e-3) << row;
}

// Its numbers are the machine's; that they hang together is ours.
TEST(DataBenchmark, ReportsEachNumberOfWorkers) {
  const auto finished =
      benchmark_data_of(kOfDigits, {"--json", "--workers", "0", "2"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto json = nlohmann::json::parse(finished.out);
  EXPECT_EQ(json.at("peer"), "skipzoo");
  EXPECT_EQ(json.at("model"), "resnet20");
  EXPECT_EQ(json.at("mode"), "data");
  EXPECT_GT(json.at("pictures"), 1000);
  EXPECT_EQ(json.at("height"), 8);
  EXPECT_EQ(json.at("width"), 8);
  EXPECT_EQ(json.at("made_on"), "host");
  const auto& rows = json.at("by_workers");
  ASSERT_EQ(rows.size(), 2u);
  expect_a_row(rows[0], 0);
  expect_a_row(rows[1], 2);
  EXPECT_EQ(rows[0].at("resize"), 0);  // They have their size already.
  // Without workers one thread does it all, and has no more time than passes.
  EXPECT_LT(rows[0].at("images_per_s").get<double>() *
                rows[0].at("cpu_ms").get<double>(),
            1100);
}

TEST(DataBenchmark, PrintsATable) {
  const auto finished = benchmark_data_of(kOfDigits, {"--workers", "0", "1"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  expect_words(finished.out, "resnet20, data, batch ");
  expect_words(finished.out, " pictures for training, as 8 x 8\n");
  expect_words(
      finished.out,
      "\nworkers  images/s    CPU ms  decode  resize  augment    rest\n");
  expect_words(finished.out, "\n      0 ");
  expect_words(finished.out, "\n      1 ");
  EXPECT_EQ(std::ranges::count(finished.out, '\n'), 4);
}

using DataBenchmarkOfPhotos = PictureRun;

TEST_F(DataBenchmarkOfPhotos, SaysWhatDecodingAndResizingTake) {
  for (int seed = 0; seed < 8; ++seed) {
    folder.write("photos/train/a/" + std::to_string(seed) + ".jpg",
                 make_jpeg({.width = 200, .height = 150, .seed = seed}));
    folder.write("photos/train/b/" + std::to_string(seed) + ".jpg",
                 make_jpeg({.width = 160, .height = 190, .seed = seed}));
  }
  write_config(
      "batch_size: 4, augment: {random_resized_crop: true, "
      "auto_augment: randaugment}",
      "epochs: 1");
  const auto finished = benchmark_data_of(path("net.yaml"), {"--json"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto json = nlohmann::json::parse(finished.out);
  EXPECT_EQ(json.at("pictures"), 16);
  EXPECT_EQ(json.at("batch"), 4);
  ASSERT_EQ(json.at("by_workers").size(), 1u);
  const auto& row = json.at("by_workers")[0];
  expect_a_row(row, 0);  // The config's.
  EXPECT_GT(row.at("decode"), row.at("resize"));
  EXPECT_GT(row.at("resize"), 0);
  EXPECT_GT(row.at("augment"), 0);
}

TEST(DataBenchmark, OptionsThatSayNothingAreRefused) {
  const auto refused = [](const std::vector<std::string>& more,
                          const std::string& words) {
    const auto finished = benchmark_data_of(kOfDigits, more);
    EXPECT_EQ(finished.exit_code, 2);
    expect_words(finished.err, words);
  };
  refused({"--profile"}, "--profile: is of a network");
  refused({"--dtype", "bf16"}, "--dtype: is of a network");
  refused({"--workers", "257"}, "--workers");
  refused({"--workers", "-1"}, "--workers");
  const auto network = run_skipzoo(
      {"benchmark", "-c", kOfDigits, "--mode", "infer", "--workers", "1"});
  EXPECT_EQ(network.exit_code, 2);
  expect_words(network.err, "--workers: is for --mode data");
}

}  // namespace
}  // namespace skipzoo
