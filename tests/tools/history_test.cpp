#include "tools/report/history.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

class Files : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

using History = Files;

TEST_F(History, HeaderIsTheDocumentedOne) {
  EXPECT_EQ(csv_header(),
            "epoch,lr,train_loss,train_top1,val_loss,val_top1,val_top5,"
            "images_per_s,seconds,val_loss_ema,val_top1_ema,data_time,"
            "val_balanced_accuracy,val_macro_f1,val_map,eval_metric");
}

TEST_F(History, RowsReadBackBitForBit) {
  const std::vector<EpochRow> rows = {
      {1, 0.1, 1.0 / 3, 99.999999999999986, 2.0, 0, -0.0, 2560.5, 1e-7},
      {2, kNan, kInf, -kInf, 5e-324, std::numeric_limits<double>::max(),
       std::numeric_limits<double>::min(), 0.1 + 0.2, -1e300},
      {std::numeric_limits<int64_t>::max()}};
  std::string text = csv_header() + "\n";
  for (const auto& row : rows) {
    text += csv_line(row) + "\n";
  }
  const auto loaded = read_csv(folder_.write("summary.csv", text));
  ASSERT_EQ(loaded.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(loaded[i].epoch, rows[i].epoch);
    for (const auto& scalar : epoch_scalars()) {
      // nan differs from itself but by its bits.
      EXPECT_EQ(std::bit_cast<uint64_t>(loaded[i].*scalar.value),
                std::bit_cast<uint64_t>(rows[i].*scalar.value))
          << scalar.name << " of " << csv_line(loaded[i]);
    }
  }
}

TEST_F(History, NumbersTakeTheirShortestForm) {
  EXPECT_EQ(csv_line({3, 0.1, 2, 1e-10, kNan, kInf, 99.5, 2560, 0.25}),
            "3,0.1,2,1e-10,nan,inf,99.5,2560,0.25,nan,nan,nan,nan,nan,nan,nan");
}

TEST_F(History, WindowsLineEndingsAreFine) {
  const auto file = folder_.write(
      "summary.csv", csv_header() + "\r\n" + csv_line({7}) + "\r\n");
  ASSERT_EQ(read_csv(file).size(), 1U);
  EXPECT_EQ(read_csv(file)[0].epoch, 7);
}

TEST_F(History, HeaderAloneIsNoRows) {
  EXPECT_TRUE(
      read_csv(folder_.write("summary.csv", csv_header() + "\n")).empty());
}

TEST_F(History, ColumnsAreKnownByTheirNames) {
  const auto rows = read_csv(folder_.write(
      "summary.csv", "val_top1,epoch,lr\n81.5,3,0.1\n82.5,4,0.05\n"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].epoch, 4);
  EXPECT_EQ(rows[1].val_top1, 82.5);
  EXPECT_EQ(rows[1].lr, 0.05);
  EXPECT_TRUE(std::isnan(rows[1].seconds));
  EXPECT_TRUE(is_csv_header("epoch,lr"));
  for (const char* odd : {"", "lr,val_loss", "epoch,lr,lr", "epoch,ema_top1"}) {
    EXPECT_FALSE(is_csv_header(odd)) << odd;
  }
}

TEST_F(History, EveryScalarHasItsPlaceInEachFile) {
  const EpochRow row = {3, 0.1, 2, 61.5, 1.92, 31.25, 80.1, 2560, 0.25};
  EXPECT_EQ(json_line(row),
            R"({"epoch":3,"lr":0.1,"train_loss":2.0,"train_top1":61.5,)"
            R"("val_loss":1.92,"val_top1":31.25,"val_top5":80.1,)"
            R"("images_per_s":2560.0,"seconds":0.25})");
  EXPECT_EQ(log_line(row),
            "Val:   3  Loss: 1.9200  Acc@1: 31.25  Acc@5: 80.10  "
            "(train loss 2.0000, 0.2 s)");
  EpochRow averaged = row;
  averaged.val_loss_ema = 1.5;
  averaged.val_top1_ema = 40;
  averaged.data_time = 0.125;
  EXPECT_NE(json_line(averaged).find(R"("val_loss_ema":1.5,"val_top1_ema":40)"),
            std::string::npos);
  EXPECT_NE(json_line(averaged).find(R"("data_time":0.125)"),
            std::string::npos);
  EXPECT_NE(log_line(averaged).find("Acc@5: 80.10  EMA Acc@1: 40.00  (train"),
            std::string::npos);
  // No member is without a line in a table: epoch, as many doubles and lists.
  EXPECT_EQ(sizeof(EpochRow),
            sizeof(int64_t) + epoch_scalars().size() * sizeof(double) +
                class_series().size() * sizeof(std::vector<double>));
}

TEST_F(History, MalformedLineIsNamedByFileAndNumber) {
  const auto error_of = [&](const std::string& line) {
    const auto file = folder_.write(
        "summary.csv", csv_header() + "\n" + csv_line({1}) + "\n" + line);
    return words_of_error([&] { read_csv(file); });
  };
  const auto where = (folder_ / "summary.csv").string() + ":3: ";
  EXPECT_EQ(error_of("2,0.1,1,x,1,1,1,1,1,1,1,1,1,1,1,1\n"),
            where + "train_top1: expected a number, got 'x'");
  EXPECT_EQ(error_of("2.5,0.1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\n"),
            where + "epoch: expected a number, got '2.5'");
  EXPECT_EQ(error_of("2,0.1,1,,1,1,1,1,1,1,1,1,1,1,1,1\n"),
            where + "train_top1: expected a number, got ''");
  EXPECT_EQ(error_of("2,0.1,1,1,1,1,1,1,1,1\n"),
            where + "10 columns, expected 16");
  EXPECT_EQ(error_of("2,0.1,1"),
            where +
                "3 columns, expected 16; the last line, was its write cut "
                "short?");
}

TEST_F(History, WrongHeaderOrMissingFileIsAnError) {
  const auto file = folder_.write("summary.csv", "epoch,loss\n1,2\n");
  EXPECT_EQ(words_of_error([&] {
              read_csv(file);
            }).find(file.string() + ":1: expected the columns"),
            0U);
  EXPECT_NE(words_of_error([&] {
              read_csv(folder_ / "none.csv");
            }).find("none.csv: cannot be opened"),
            std::string::npos);
}

}  // namespace
}  // namespace skipzoo
