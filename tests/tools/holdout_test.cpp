#include "tools/data/holdout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/data/random.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

using Keys = std::set<std::string>;

Keys keys_of(const Dataset& data, const std::vector<int64_t>& indices) {
  Keys keys;
  for (const int64_t i : indices) keys.insert(data.key(i));
  return keys;
}

/// A folder of two classes, 40 and 10 pictures of their own.
class Holdout : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 40; ++i) write("cat", i, i);
    for (int i = 0; i < 10; ++i) write("dog", i, 100 + i);
    options_.root = folder_.path();
    options_.image_size = 8;
    options_.holdout = 0.2;
  }
  void write(const std::string& name, int number, int seed) {
    folder_.write("train/" + name + "/" + std::to_string(number) + ".jpg",
                  make_jpeg({.seed = seed}) + std::to_string(seed));
  }
  DatasetPtr data() { return open_image_folder(folder_ / "train", 3, 2); }
  Keys held_out(int64_t seed = 1) {
    const auto all = data();
    return keys_of(*all, deal_by_content(*all, options_, seed).held_out);
  }

  TemporaryFolder folder_;
  DataOptions options_;
};

TEST_F(Holdout, TakesItsShareOfEachClassAndKeepsEveryPicture) {
  const auto all = data();
  const Deal deal = deal_by_content(*all, options_, 1);
  EXPECT_EQ(deal.held_out.size(), 10u);
  EXPECT_EQ(deal.train.size(), 40u);
  std::map<int64_t, int> of_class;
  for (const int64_t i : deal.held_out) ++of_class[all->label(i)];
  EXPECT_EQ(of_class, (std::map<int64_t, int>{{0, 8}, {1, 2}}));
  std::set<int64_t> both(deal.train.begin(), deal.train.end());
  both.insert(deal.held_out.begin(), deal.held_out.end());
  EXPECT_EQ(both.size(), 50u);
  EXPECT_TRUE(std::ranges::is_sorted(deal.train));
  EXPECT_TRUE(std::ranges::is_sorted(deal.held_out));
}

TEST_F(Holdout, DependsOnTheSeedAndOnContentAloneNotOnNamesOrThreads) {
  const auto first = held_out();
  options_.workers = 8;
  EXPECT_EQ(held_out(), first);
  EXPECT_NE(held_out(2), first);
  // Other names in another order: the same contents.
  for (int i = 0; i < 40; ++i) {
    const auto from = "train/cat/" + std::to_string(i) + ".jpg";
    const auto to = "train/cat/x" + std::to_string(99 - i) + ".jpg";
    std::filesystem::rename(folder_ / from, folder_ / to);
  }
  Keys renamed;
  for (const auto& key : first) {
    const bool cat = key.starts_with("cat/");
    renamed.insert(
        cat ? "cat/x" + std::to_string(99 - std::stoi(key.substr(4))) + ".jpg"
            : key);
  }
  EXPECT_EQ(held_out(), renamed);
}

TEST_F(Holdout, PicturesThatAreAddedMoveFewOthers) {
  const auto before = held_out();
  for (int i = 0; i < 10; ++i) write("cat", 50 + i, 1000 + i);
  const auto after = held_out();
  EXPECT_EQ(after.size(), 12u);
  int moved = 0;
  for (const auto& key : before) moved += after.contains(key) ? 0 : 1;
  EXPECT_LE(moved, 4);  // Drawn anew, 8 of 10 would.
}

TEST_F(Holdout, CopiesGoTheSameWay) {
  for (int i = 0; i < 40; ++i) write("cat", 100 + i, i);  // Two of each.
  write("dog", 99, 7);  // One that is a cat, too.
  for (int64_t seed = 0; seed < 20; ++seed) {
    const auto keys = held_out(seed);
    EXPECT_EQ(keys.size(), 18u);
    for (int i = 0; i < 40; ++i) {
      const auto one = "cat/" + std::to_string(i) + ".jpg";
      const auto other = "cat/" + std::to_string(100 + i) + ".jpg";
      EXPECT_EQ(keys.contains(one), keys.contains(other)) << one;
    }
    EXPECT_FALSE(keys.contains("cat/7.jpg") || keys.contains("dog/99.jpg"));
  }
}

TEST_F(Holdout, LeavesSomethingOfEveryClassToTrainOn) {
  write("emu", 1, 500);
  for (const double share : {0.001, 0.9}) {
    options_.holdout = share;
    const auto all = open_image_folder(folder_ / "train", 3, 3);
    const Deal deal = deal_by_content(*all, options_, 3);
    std::set<int64_t> trained, held;
    for (const int64_t i : deal.train) trained.insert(all->label(i));
    for (const int64_t i : deal.held_out) held.insert(all->label(i));
    EXPECT_EQ(trained, (std::set<int64_t>{0, 1, 2}));
    EXPECT_EQ(held, (std::set<int64_t>{0, 1}));
  }
}

/// A BMP of 24 bits of these pixels.
std::string bmp_of(const Image& image) {
  const auto little = [](int64_t value) {
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
      bytes += static_cast<char>(value >> 8 * i & 0xFF);
    }
    return bytes;
  };
  const int64_t row = (3 * image.width + 3) / 4 * 4;
  std::string bytes = "BM" + little(54 + row * image.height) + little(0) +
                      little(54) + little(40) + little(image.width) +
                      little(-image.height) + std::string("\1\0\30\0", 4) +
                      std::string(24, '\0');
  for (int64_t y = 0; y < image.height; ++y) {
    std::string line(static_cast<size_t>(row), '\0');
    for (int64_t i = 0; i < 3 * image.width; ++i) {
      const auto from = static_cast<size_t>(3 * image.width * y + i);
      line[static_cast<size_t>(i / 3 * 3 + 2 - i % 3)] =
          static_cast<char>(image.pixels[from]);
    }
    bytes += line;
  }
  return bytes;
}

// The same photo without its EXIF data, and converted: other bytes, one look.
TEST_F(Holdout, CopiesInOtherBytesGoTheSameWay) {
  const JpegMade made = {.height = 40, .seed = 1000};
  folder_.write("train/cat/x.jpg", make_jpeg(made));
  const auto pixels = read_image(folder_ / "train/cat/x.jpg", 3);
  folder_.write("train/cat/converted.bmp", bmp_of(pixels));
  JpegMade with_exif = made;
  with_exif.orientation = 1;
  folder_.write("train/cat/taken.jpg", make_jpeg(with_exif));
  // Its upper rows alone are those of the others.
  Image other = pixels;
  other.pixels.back() ^= 1;
  folder_.write("train/cat/other.bmp", bmp_of(other));
  std::set<bool> with_other;
  for (int64_t seed = 0; seed < 30; ++seed) {
    const auto keys = held_out(seed);
    const bool is_held = keys.contains("cat/x.jpg");
    EXPECT_EQ(keys.contains("cat/converted.bmp"), is_held) << seed;
    EXPECT_EQ(keys.contains("cat/taken.jpg"), is_held) << seed;
    with_other.insert(keys.contains("cat/other.bmp") == is_held);
  }
  EXPECT_EQ(with_other.size(), 2u);  // Not bound to them.
}

// Of five parts, every picture is held out in one, copies in the same.
TEST_F(Holdout, FoldsHoldOutEveryPictureOnce) {
  write("cat", 1000, 7);  // A copy.
  write("rare", 0, 500);
  write("rare", 1, 501);
  const auto all = open_image_folder(folder_ / "train", 3, 3);
  const auto first = deal_by_content(*all, options_, 1).held_out;
  std::map<int64_t, int> times;
  std::vector<std::map<int64_t, int>> of_class;
  for (options_.fold = 1; options_.fold <= 5; ++options_.fold) {
    const Deal deal = deal_by_content(*all, options_, 1);
    EXPECT_EQ(deal.held_out == first, options_.fold == 1);
    EXPECT_EQ(std::ssize(deal.held_out) + std::ssize(deal.train), all->size());
    const auto keys = keys_of(*all, deal.held_out);
    EXPECT_EQ(keys.contains("cat/7.jpg"), keys.contains("cat/1000.jpg"));
    of_class.emplace_back();
    for (const int64_t i : deal.held_out) {
      ++times[i];
      ++of_class.back()[all->label(i)];
    }
  }
  EXPECT_EQ(std::ssize(times), all->size());
  for (const auto& [index, number] : times) EXPECT_EQ(number, 1) << index;
  // Of 41 cats 8 or 9, of ten dogs two.
  for (auto& counts : of_class) {
    EXPECT_TRUE(counts[0] == 8 || counts[0] == 9) << counts[0];
    EXPECT_EQ(counts[1], 2);
  }
}

TEST_F(Holdout, FoldsOfAShareThatIsNoPartOfTheWholeDoNotOverlap) {
  options_.holdout = 0.3;
  EXPECT_EQ(options_.folds(), 3);
  const auto all = data();
  std::set<int64_t> seen;
  for (options_.fold = 1; options_.fold <= 3; ++options_.fold) {
    for (const int64_t i : deal_by_content(*all, options_, 1).held_out) {
      EXPECT_TRUE(seen.insert(i).second) << i;
    }
  }
  EXPECT_EQ(seen.size(), 45u);
}

TEST_F(Holdout, NothingButCopiesCannotBeDealt) {
  TemporaryFolder copies;
  for (const char* name : {"a/1.jpg", "a/2.jpg", "b/1.jpg"}) {
    copies.write(name, make_jpeg());
  }
  const auto all = open_image_folder(copies.path(), 3, 2);
  EXPECT_NE(words_of_error([&] {
              deal_by_content(*all, options_, 1);
            }).find("data.holdout: 0.2 of 3 pictures leaves one part empty"),
            std::string::npos);
}

TEST_F(Holdout, APictureThatCannotBeReadStopsOrCountsAsItself) {
  std::filesystem::create_symlink("nowhere", folder_ / "train/dog/z.jpg");
  EXPECT_THROW(held_out(), FileError);
  options_.on_error = OnError::kSkip;
  EXPECT_EQ(held_out().size(), 10u);
}

TEST_F(Holdout, AListGivesTheSameDealBack) {
  const auto drawn = open_training_data(options_, 3, 2, 1);
  const auto list =
      folder_.write("holdout.txt", list_of_keys(*drawn.validation));
  // Whatever the seed, and what is new is trained on.
  write("cat", 77, 777);
  const auto again = open_training_data(options_, 3, 2, 9, {.list = list});
  EXPECT_EQ(list_of_keys(*again.validation), list_of_keys(*drawn.validation));
  EXPECT_EQ(again.train->size(), drawn.train->size() + 1);
}

TEST_F(Holdout, AListMayHaveBeenSavedOnWindows) {
  const auto list = folder_.write("holdout.txt",
                                  "\xEF\xBB\xBF"
                                  "cat/3.jpg\r\ndog/1.jpg\r\n");
  const auto all = data();
  EXPECT_EQ(keys_of(*all, deal_by_list(*all, list).held_out),
            (Keys{"cat/3.jpg", "dog/1.jpg"}));
}

TEST_F(Holdout, AListOfOtherDataIsRefused) {
  const auto list = folder_.write("holdout.txt", "cat/absent.jpg\n\ngone\n");
  EXPECT_NE(words_of_error([&] {
              deal_by_list(*data(), list);
            }).find("missing are 'cat/absent.jpg', 'gone'"),
            std::string::npos);
}

TEST(HoldoutOfRecords, NamesThemByNumber) {
  const auto all = make_synthetic(40, 8, 3, 4, Split::kTrain);
  DataOptions options;
  options.holdout = 0.5;
  const Deal deal = deal_by_content(*all, options, 1);
  EXPECT_EQ(deal.held_out.size(), 20u);
  TemporaryFolder folder;
  const auto list = folder.write("holdout.txt", "3\n17\n");
  EXPECT_EQ(deal_by_list(*all, list).held_out, (std::vector<int64_t>{3, 17}));
}

// The first of the permutation, as runs were dealt before they kept a list.
TEST(HoldoutByPlace, IsTheDealOfOlderRuns) {
  const Deal deal = deal_by_place(20, 0.2, 7);
  auto order = Random(7).permutation(20);
  std::sort(order.begin(), order.begin() + 4);
  EXPECT_EQ(deal.held_out,
            std::vector<int64_t>(order.begin(), order.begin() + 4));
  EXPECT_EQ(deal.train.size(), 16u);
  EXPECT_ANY_THROW(deal_by_place(3, 0.1, 7));
}

}  // namespace
}  // namespace skipzoo
