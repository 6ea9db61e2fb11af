// skipzoo predict --explain, and what evaluate says of probabilities.

#include <gtest/gtest.h>
#include <torch/types.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/expect_words.h"
#include "tests/support/picture_run.h"
#include "tools/data/heat_map.h"
#include "tools/data/table.h"
#include "tools/data/transform.h"
#include "tools/run/predictor.h"

namespace skipzoo {
namespace {

class Explained : public PictureRun {
 protected:
  void SetUp() override {
    for (const char* where : {"train/cat", "train/dog", "val/cat", "val/dog"}) {
      for (int i = 0; i < 4; ++i) write_picture(where, i);
    }
    write_config("batch_size: 4", "epochs: 1");
    ASSERT_EQ(train().exit_code, 0);
  }
  Finished explain(const std::vector<std::string>& more,
                   const std::string& network = "run") {
    std::vector<std::string> arguments = {"predict", path(network)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_skipzoo(arguments);
  }
};

TEST_F(Explained, APictureIsAsTheNetworkSawItUnderItsHeatMap) {
  folder.write("photos/val/wide.jpg",
               make_jpeg({.width = 40, .height = 24, .seed = 9}));
  const auto finished = explain({path("photos/val"), "--explain", path("out"),
                                 "--format", "json", "--topk", "1"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto net = load(folder / "run");
  std::istringstream lines(finished.out);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto answer = nlohmann::json::parse(line);
    const std::filesystem::path picture = answer.at("image");
    const std::filesystem::path written = answer.at("explanation");
    auto expected_place =
        folder / "out" / picture.lexically_relative(folder / "photos/val");
    expected_place += ".png";
    EXPECT_EQ(written, expected_place);
    const Image seen =
        evaluation_view(read_image(picture, 3), picture_options(net.network()));
    auto pixels = torch::tensor(at::ArrayRef<uint8_t>(seen.pixels))
                      .view({1, 16, 16, 3})
                      .permute({0, 3, 1, 2});
    const auto label = answer.at("predictions")[0].at("index").get<int64_t>();
    const auto heat = net.heat_maps(pixels, torch::tensor({label}))[0];
    const Image read = read_image(written, 3);
    const Image expected = with_heat(seen, heat);
    ASSERT_EQ(read.pixels.size(), expected.pixels.size());
    for (size_t i = 0; i < read.pixels.size(); ++i) {
      // A batch rounds otherwise than a single picture.
      ASSERT_NEAR(read.pixels[i], expected.pixels[i], 1) << picture << i;
    }
  }
  EXPECT_EQ(count, 9);
}

TEST_F(Explained, TwoOfOneNameDoNotMeet) {
  const auto finished = run_skipzoo(
      {"predict", "run", "photos/val/cat/1.jpg", "./photos/train/../val/dog",
       "--explain", "out", "--format", "csv"},
      folder.path().string());
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const auto table = parse_table(finished.out, "answers");
  EXPECT_EQ(table.headings.back(), "explanation");
  ASSERT_EQ(table.rows.size(), 10u);  // Two classes of each of five.
  EXPECT_EQ(table.rows[0].cells.back(), "out/cat/1.jpg.png");
  EXPECT_EQ(table.rows[1].cells.back(), "");
  EXPECT_EQ(table.rows[4].cells.back(), "out/dog/1.jpg.png");
  for (const char* name : {"out/cat/1.jpg.png", "out/dog/1.jpg.png"}) {
    EXPECT_EQ(read_image(folder / name, 3).width, 16) << name;
  }
}

TEST_F(Explained, BadUseIsRefusedBeforeTheFirstPicture) {
  folder.write("file", "");
  auto refused = explain({path("photos/val"), "--explain", path("file/x")});
  expect_words(refused, 1, "file/x: cannot be created: Not a directory");
  EXPECT_EQ(refused.out, "");

  ASSERT_EQ(run_skipzoo({"export", path("run"), "--format", "torchscript", "-o",
                         path("net.pt")})
                .exit_code,
            0);
  refused = explain({path("photos/val"), "--explain", path("other")}, "net.pt");
  expect_words(refused, 2,
               "--explain: an exported program gives the classes alone");
  EXPECT_EQ(refused.out, "");
  EXPECT_FALSE(std::filesystem::exists(folder / "other"));

  // What a first call wrote beside the pictures is among those of a second.
  ASSERT_EQ(
      explain({path("photos/val/cat"), "--explain", path("photos/val/cat")})
          .exit_code,
      0);
  refused =
      explain({path("photos/val/cat"), "--explain", path("photos/val/cat")});
  expect_words(refused, 1,
               "0.jpg.png: is a picture to be read; name another folder by "
               "--explain");
}

TEST_F(Explained, EvaluateAndTheReportHaveATableOfThresholds) {
  const auto found = run_skipzoo({"evaluate", path("run"), "--json"});
  ASSERT_EQ(found.exit_code, 0) << found.err;
  const auto rows = nlohmann::json::parse(found.out).at("thresholds");
  ASSERT_EQ(rows.size(), 7u);
  EXPECT_EQ(rows[0].at("threshold"), 0.5);
  EXPECT_EQ(rows[0].at("coverage"), 100);  // Of two classes one has it.
  EXPECT_EQ(rows[0].at("accuracy"), 50);   // The two have the same pictures.
  EXPECT_NEAR(rows[0].at("accuracy_interval")[0].get<double>(), 21.5216, 1e-3);
  const auto text = run_skipzoo({"evaluate", path("run")});
  expect_words(text.out,
               "probability  coverage  accuracy  95 % interval\n"
               "    >= 0.50  100.00 %   50.00 %  21.52 to 78.48\n");
  const auto report = read_text(folder / "run/report.html");
  expect_words(report, "<h3>Most confident mistakes</h3>");
  expect_words(report, "<th scope=\"row\">0.50</th><td>100.00%</td>");
  expect_words(report, "cat/1.jpg");
}

}  // namespace
}  // namespace skipzoo
