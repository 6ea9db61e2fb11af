#include "tools/data/csv_dataset.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/support/expect_words.h"
#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/data/data_file.h"
#include "tools/data/loader.h"
#include "tools/data/mixing.h"
#include "tools/data/table.h"
#include "tools/train/objective.h"

namespace skipzoo {
namespace {

using Cells = std::vector<std::string>;

Table parsed(const std::string& text) { return parse_table(text, "t.csv"); }

TEST(Tables, AreReadByRfc4180) {
  const auto table = parsed(
      "path,label\r\n"
      "a.jpg, cat \r\n"
      "\r\n"
      "\"b, c.jpg\",\"say \"\"meow\"\"\"\r\n"
      "\"two\nlines\",  \" kept \" \r\n"
      ",");
  EXPECT_EQ(table.headings, (Cells{"path", "label"}));
  ASSERT_EQ(table.rows.size(), 4u);
  EXPECT_EQ(table.rows[0].cells, (Cells{"a.jpg", "cat"}));
  EXPECT_EQ(table.rows[1].cells, (Cells{"b, c.jpg", "say \"meow\""}));
  EXPECT_EQ(table.rows[2].cells, (Cells{"two\nlines", " kept "}));
  EXPECT_EQ(table.rows[3].cells, (Cells{"", ""}));
  EXPECT_EQ(table.rows[1].line, 4);
  EXPECT_EQ(table.rows[3].line, 7);
}

TEST(Tables, MayBeOfTabsOrSemicolonsAndOfOtherEncodings) {
  const Cells wanted = {"a, b.jpg", "cat"};
  EXPECT_EQ(parsed("path\tlabel\na, b.jpg\tcat\n").rows[0].cells, wanted);
  EXPECT_EQ(parsed("path;label\ra, b.jpg;cat\r").rows[0].cells, wanted);
  EXPECT_EQ(parsed("\xEF\xBB\xBFpath;label\na, b.jpg;cat").headings[0], "path");
  const auto excel = parsed("sep=;\r\npath;label\r\na, b.jpg;cat\r\n");
  EXPECT_EQ(excel.rows[0].cells, wanted);
  EXPECT_EQ(excel.rows[0].line, 3);
  EXPECT_EQ(parsed("sep=|\npath|label\na, b.jpg|cat").rows[0].cells, wanted);
  std::string utf16 = "\xFF\xFE";
  for (const char c : std::string("p,l\nx,y\n")) utf16 += {c, '\0'};
  EXPECT_EQ(parsed(utf16).rows[0].cells, (Cells{"x", "y"}));
}

TEST(Tables, NameTheLineOfWhatIsWrong) {
  const auto error = [](const std::string& text) {
    return words_of_error([&] { parsed(text); });
  };
  expect_words(error("a,b\n1,2\n\n3\n"),
               "t.csv: line 4: 1 cells, expected 2 as in the line of headings");
  expect_words(error("a,b\n\"1\n2,3\n"), "line 2: a quote that is not closed");
  expect_words(error("a,b\n\"1\"2,3\n"),
               "line 2: text behind a closing quote; a quote within quotes is "
               "written twice");
  expect_words(error(" \n\n"), "an empty table");
}

class CsvDatasets : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a", "b", "c", "d", "e"}) {
      folder_.write("photos/" + std::string(name) + ".jpg",
                    make_jpeg({.seed = name[0]}));
    }
    options_.dataset = DatasetKind::kCsv;
    options_.root = folder_ / "photos";
    options_.image_size = 16;
    options_.crop_pct = 1;
    options_.workers = 0;
  }
  void write(const std::string& text) {
    options_.csv = folder_.write("labels.csv", text);
  }
  DatasetPtr open(int64_t classes, Split split = Split::kTrain) {
    return open_csv(options_, split, 3, classes);
  }
  std::string error(int64_t classes = 2, Split split = Split::kTrain) {
    return words_of_error([&] { open(classes, split); });
  }

  TemporaryFolder folder_;
  DataOptions options_;
};

TEST_F(CsvDatasets, ReadPicturesLabelsAndSplits) {
  write(
      "id,Filename,Class,Subset\n"
      "1,c.jpg,dog,training\n2,a.jpg,cat,training\n3,b.jpg,dog,valid\n"
      "4,d.jpg,owl,valid\n");
  const auto train = open(3);
  ASSERT_EQ(train->size(), 2);
  EXPECT_EQ(train->classes(), (Cells{"cat", "dog", "owl"}));
  EXPECT_EQ(train->key(0), "c.jpg");
  EXPECT_EQ(train->label(0), 1);
  EXPECT_EQ(train->label(1), 0);
  EXPECT_EQ(train->name(1), (folder_ / "photos/a.jpg").string());
  EXPECT_EQ(train->image(0).pixels,
            decode_image(read_data_file(folder_ / "photos/c.jpg", 1 << 20), 3)
                .pixels);
  EXPECT_FALSE(train->is_weighted());
  // val_split is "test", which is not there.
  const auto validation = open(3, Split::kTest);
  EXPECT_EQ(validation->size(), 2);
  EXPECT_EQ(validation->label(1), 2);
  EXPECT_EQ(splits_of_csv(options_), (Cells{"training", "valid"}));
}

TEST_F(CsvDatasets, LieBesideTheirTableWhereNoRootIsGiven) {
  options_.root = "";
  options_.csv =
      folder_.write("photos/labels.tsv", "path\tlabel\na.jpg\tx\n./b.jpg\ty\n");
  EXPECT_EQ(open(2)->size(), 2);
  EXPECT_TRUE(splits_of_csv(options_).empty());
  expect_words(error(2, Split::kTest),
               "labels.tsv: has no column of splits; give it one named split, "
               "or hold a share of the pictures out by data.holdout");
}

TEST_F(CsvDatasets, NumbersAreClassesInTheirOwnOrder) {
  write("path,label\na.jpg,10\nb.jpg,9\nc.jpg,-1\n");
  EXPECT_EQ(open(3)->classes(), (Cells{"-1", "9", "10"}));
  EXPECT_EQ(open(3)->label(0), 2);
  write("path,label\na.jpg,10\nb.jpg,9\nc.jpg,x\n");
  EXPECT_EQ(open(3)->classes(), (Cells{"10", "9", "x"}));
}

TEST_F(CsvDatasets, NameTheLineOfWhatIsWrong) {
  write("path,label\na.jpg,x\nb.jpg,y\na.jpg,x\n");
  expect_words(error(), "line 4: 'a.jpg' is named in line 2 already");
  write("path,label\na.jpg,x\nb.jpg,y\n./c/../a.jpg,y\n");
  expect_words(error(), "line 4: './c/../a.jpg' is named in line 2 already");
  write("path,label\n");
  expect_words(error(), "no rows below the line of headings");
  write("path,label,weight\na.jpg,x,0\nb.jpg,y,0\n");
  expect_words(error(), "the weights of all pictures of a split are 0");
  write("path,label\na.jpg,x\nb.jpg,\n");
  expect_words(error(), "line 3: no label");
  write("path,label\na.jpg,x\n,y\n");
  expect_words(error(), "line 3: no path");
  write("path,label\na.jpg,x\nb.jpg,\"y\nz\"\n");
  expect_words(error(), "line 3: a label with a control character");
  write("path,label\na.jpg,x\nb.jpg,y\n");
  expect_words(error(3),
               "has 2 different labels, but model.num_classes is 3; they are "
               "'x', 'y'");
  write("picture,what\na.jpg,x\n");
  expect_words(error(), "its first line has no heading 'label'");
  write("path,image,label\na.jpg,a.jpg,x\n");
  expect_words(error(), "the columns 'path' and 'image' are both the path");
  write("path,label,split\na.jpg,x,one\nb.jpg,y,two\n");
  expect_words(error(),
               "no row of split 'train' (data.train_split); there are 'one', "
               "'two'");
}

TEST_F(CsvDatasets, NameWhatIsNotThere) {
  write("path,label\na.jpg,x\ngone.jpg,y\nb.jpg,y\nlost.jpg,y\n");
  expect_words(error(), "labels.csv: line 3: ");
  expect_words(
      error(),
      "photos/gone.jpg: no such file, and 1 more; paths are relative "
      "to data.root; data.on_error: skip leaves out what is not there");
  options_.on_error = OnError::kSkip;
  options_.batch_size = 4;
  Loader loader(open(2), options_, Loader::Mode::kEvaluate, 0, false);
  int64_t pictures = 0;
  for (auto& batch : loader.epoch(0)) pictures += batch.size();
  EXPECT_EQ(pictures, 2);
  EXPECT_EQ(loader.skipped(), 2);
}

TEST_F(CsvDatasets, PathsMayBeThoseOfWindows) {
  options_.root = folder_.path();
  write("path,label\nphotos\\a.jpg,x\n.\\photos\\b.jpg,y\n");
  const auto data = open(2);
  EXPECT_EQ(data->key(0), "photos/a.jpg");
  EXPECT_EQ(data->image(1).height, 16);
  write("path,label\nphotos\\gone.jpg,x\na.jpg,y\n");
  expect_words(error(), "photos\\gone.jpg: no such file");
}

TEST_F(CsvDatasets, WeightsGoWithTheirPicturesIntoBatches) {
  write(
      "path,label,weight\na.jpg,x,1\nb.jpg,y,0.5\nc.jpg,x,2\nd.jpg,y,0\n"
      "e.jpg,y,3e0\n");
  const auto data = open(2);
  ASSERT_TRUE(data->is_weighted());
  options_.batch_size = 5;
  Loader loader(data, options_, Loader::Mode::kTrain, 1, false);
  for (auto& batch : loader.epoch(0)) {
    ASSERT_EQ(batch.targets.weights.sizes(), torch::IntArrayRef({5}));
    for (int64_t i = 0; i < 5; ++i) {
      EXPECT_EQ(batch.targets.weights[i].item<float>(),
                data->weight(batch.indices[i].item<int64_t>()));
    }
  }
  for (const char* bad : {"-1", "much", "", "nan", "1x", "1e7"}) {
    write("path,label,weight\na.jpg,x,1\nb.jpg,y," + std::string(bad) + "\n");
    expect_words(error(), "line 3: weight '" + std::string(bad) +
                              "'; expected a number from 0 to 1000000");
  }
}

/// Any loss of a config, as a function of the pictures' weights.
double loss_of(const TrainOptions& options, const torch::Tensor& logits,
               const Targets& targets) {
  return make_objective(options)(logits, targets).item<double>();
}

// A picture of weight 2 counts as two of it, one of weight 0 not at all.
TEST(WeightedObjectives, AreThoseOfCopies) {
  const auto logits = torch::randn({4, 3});
  const auto labels = torch::tensor({0, 2, 1, 2});
  const Targets weighted{labels,
                         torch::tensor({1., 2., 0., 3.}, torch::kFloat)};
  const auto copies = torch::tensor({0, 1, 1, 3, 3, 3});
  const Targets copied{labels.index_select(0, copies)};
  for (const auto loss : {Loss::kCrossEntropy, Loss::kBce}) {
    for (const double smoothing : {0., 0.1}) {
      for (const bool soft : {false, true}) {
        TrainOptions options;
        options.loss = loss;
        options.label_smoothing = smoothing;
        const auto of = [&](Targets targets) {
          if (soft) targets.values = targets.soft(3);
          return targets;
        };
        for (const bool by_class : {false, true}) {
          if (by_class) options.class_weights.numbers = {1, 0.5, 4};
          EXPECT_NEAR(
              loss_of(options, logits, of(weighted)),
              loss_of(options, logits.index_select(0, copies), of(copied)),
              1e-5)
              << "loss " << static_cast<int>(loss) << ", smoothing "
              << smoothing << ", soft " << soft << ", by class " << by_class;
        }
      }
    }
  }
}

TEST(WeightedObjectives, AreZeroWhereNothingCounts) {
  const Targets none{torch::tensor({0, 1}), torch::zeros({2})};
  EXPECT_EQ(loss_of({}, torch::ones({2, 3}), none), 0);
}

TEST(Mix, MixesWeightsAsItDoesTargets) {
  auto images = torch::rand({4, 1, 2, 2});
  Targets targets{torch::tensor({0, 1, 2, 3}),
                  torch::tensor({1., 2., 3., 5.}, torch::kFloat)};
  mix({.own = 0.75}, 4, images, targets);
  EXPECT_TRUE(torch::equal(targets.weights,
                           torch::tensor({2., 2.25, 2.75, 4.}, torch::kFloat)));
}

}  // namespace
}  // namespace skipzoo
