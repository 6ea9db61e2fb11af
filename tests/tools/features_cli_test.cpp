// skipzoo predict --features

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/expect_words.h"
#include "tests/support/picture_run.h"
#include "tools/data/table.h"
#include "tools/run/predictor.h"

namespace skipzoo {
namespace {

class FeatureFiles : public PictureRun {
 protected:
  void SetUp() override {
    for (const char* where : {"cat", "dog"}) {
      const int first = where[0] == 'c' ? 0 : 4;
      for (int i = 0; i < 4; ++i) write_picture(where, first + i);
    }
    write_config("batch_size: 4", "epochs: 1");
    ASSERT_EQ(train().exit_code, 0);
    folder.write("photos/cat/broken.jpg", "\xFF\xD8\xFF");
  }
  Finished predict(const std::string& file,
                   const std::string& network = "run") {
    return run_skipzoo({"predict", path(network), path("photos/cat"), "--topk",
                        "1", "--format", "csv", "--features", path(file)});
  }
};

TEST_F(FeatureFiles, AreOfNumPysFormatInTheOrderOfTheAnswers) {
  const auto finished = predict("features.npy");
  expect_words(finished, 1, "1 of 5 pictures could not be read");
  const auto bytes = read_text(folder / "features.npy");
  const std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 4), }";
  ASSERT_EQ(bytes.size(), 128u + 4 * 4 * sizeof(float));
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_EQ(bytes.substr(10, header.size()), header);
  EXPECT_EQ(bytes[127], '\n');
  const auto net = load(folder / "run");
  const auto answers = parse_table(finished.out, "answers");
  ASSERT_EQ(answers.rows.size(), 4u);
  for (size_t r = 0; r < 4; ++r) {
    const auto expected = net.embedding(answers.rows[r].cells[0]);
    for (size_t c = 0; c < 4; ++c) {
      float value = 0;
      std::memcpy(&value, &bytes[128 + 4 * (4 * r + c)], sizeof(value));
      EXPECT_NEAR(value, expected.at(c), 1e-5);
    }
  }
}

TEST_F(FeatureFiles, AreTablesWithNames) {
  predict("features.csv");
  const auto table = read_table(folder / "features.csv");
  EXPECT_EQ(table.headings,
            (std::vector<std::string>{"image", "0", "1", "2", "3"}));
  ASSERT_EQ(table.rows.size(), 4u);
  const auto expected = load(folder / "run").embedding(table.rows[2].cells[0]);
  EXPECT_NEAR(std::stod(table.rows[2].cells[4]), expected[3], 1e-5);
}

TEST_F(FeatureFiles, AreRefusedBeforeTheFirstPicture) {
  expect_words(predict("features.txt"), 2,
               "features.txt: expected a name that ends in .npy or .csv");
  expect_words(
      run_skipzoo({"predict", path("run"), path("photos/cat"), "--output",
                   path("a.csv"), "--features", path("b/../a.csv")}),
      2, "--output and --features name the same file");
  ASSERT_EQ(run_skipzoo({"export", path("run"), "--format", "torchscript", "-o",
                         path("net.pt")})
                .exit_code,
            0);
  const auto refused = predict("features.npy", "net.pt");
  expect_words(refused, 2, "an exported program gives the classes alone");
  EXPECT_EQ(refused.out, "");
}

}  // namespace
}  // namespace skipzoo
