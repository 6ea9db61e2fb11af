// Which pictures a folder, a list or a data set stands for, and what is said of
// the rest.

#include "tools/data/picture_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "tests/support/expect_words.h"
#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/data/picture_kind.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

FoundPictures find(const std::vector<std::string>& names) {
  std::istringstream none;
  return find_pictures(names, none);
}

TEST(FindPictures, TakesFilesFoldersListsAndStandardInput) {
  TemporaryFolder folder;
  for (const char* name : {"p/b.png", "p/a.jpeg", "p/q/c.jpg", "p/note.md"}) {
    folder.write(name, "");
  }
  const auto list = folder.write("list.txt", "x.jpg\r\n\ny z.jpg\n");
  std::istringstream input("from/stdin.png\n");
  const auto found = find_pictures(
      {"any.name", (folder / "p").string(), list.string(), "-"}, input);
  EXPECT_EQ(found.files,
            (std::vector<fs::path>{"any.name", folder / "p/a.jpeg",
                                   folder / "p/b.png", folder / "p/q/c.jpg",
                                   "x.jpg", "y z.jpg", "from/stdin.png"}));
  EXPECT_EQ(found.passed_over.text(), "1 .md");
  EXPECT_FALSE(found.passed_over.misses_pictures());
  EXPECT_ANY_THROW(find_pictures({"-"}, input));
  EXPECT_ANY_THROW(find({(folder / "absent.txt").string()}));
  fs::create_directory(folder / "empty");
  EXPECT_ANY_THROW(find({(folder / "empty").string()}));
}

TEST(FindPictures, CountsWhatItPassesOverByKind) {
  TemporaryFolder folder;
  for (const char* name :
       {"a.jpg", "b.JFIF", "c.jpe", "1.heic", "2.HEIC", "d/3.heic", "1.avif",
        "1.ppm", "notes.txt", "Makefile", ".hidden.heic", ".git/1.avif"}) {
    folder.write(name, "");
  }
  const auto found = find({folder.path().string()});
  EXPECT_EQ(found.files.size(), 3u);
  EXPECT_EQ(found.passed_over.text(),
            "3 .heic, 1 without an ending, 1 .avif, 1 .ppm, 1 .txt");
  EXPECT_EQ(found.passed_over.pictures, 5);
  EXPECT_TRUE(found.passed_over.misses_pictures());
}

TEST(FindPictures, NamesFewOfManyKinds) {
  PassedOver others;
  others.add_file("a.heic");
  others.add_file("b.heic");
  for (int i = 0; i < 1000; ++i) {
    others.add_file("1.2.840." + std::to_string(i));
  }
  const auto text = others.text();
  EXPECT_TRUE(text.starts_with("2 .heic, 1 .0, 1 .1, ")) << text;
  EXPECT_TRUE(text.ends_with(" and 991 more")) << text;
}

TEST(FindPictures, NamesWhatIsThereWhereNoneIs) {
  TemporaryFolder folder;
  folder.write("1.heic", "");
  expect_words(words_of_error([&] { find({folder.path().string()}); }),
               "no " + kinds_read("or") + " in or below it; there are 1 .heic");
}

TEST(FindPictures, LoopsAndLooseEndsOfLinksEndNothing) {
  TemporaryFolder folder;
  folder.write("a.jpg", "");
  fs::create_symlink("b", folder / "c");
  fs::create_symlink("c", folder / "b");
  fs::create_symlink("nowhere.jpg", folder / "d.jpg");
  fs::create_directory(folder / "deep");
  fs::create_directory_symlink("..", folder / "deep/up");
  fs::create_symlink("a.jpg", folder / "e.jpg");
  const auto found = find({folder.path().string()});
  EXPECT_EQ(found.files,
            (std::vector<fs::path>{folder / "a.jpg", folder / "e.jpg"}));
  EXPECT_EQ(found.passed_over.text(),
            "1 link to a folder; 3 links or folders that cannot be looked "
            "into");
  EXPECT_TRUE(found.passed_over.misses_pictures());
}

/// A folder of pictures, named in lists as they come.
class PictureLists : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a b.png", "\xC3\xA4.png", "hash#.png"}) {
      folder_.write(name, "");
    }
  }
  std::string path(const std::string& name) {
    return (folder_ / name).string();
  }
  std::vector<fs::path> expected() {
    return {path("a b.png"), path("\xC3\xA4.png")};
  }

  TemporaryFolder folder_;
};

TEST_F(PictureLists, MayBeWrittenByWindows) {
  const auto lines = path("a b.png") + "\r\n" + path("\xC3\xA4.png") + "\r\n";
  EXPECT_EQ(names_in_list("\xEF\xBB\xBF" + lines), expected());
  EXPECT_EQ(names_in_list(path("a b.png") + "\r" + path("\xC3\xA4.png") + "\r"),
            expected());
  std::string utf16 = "\xFF\xFE";
  for (const char c : path("a b.png") + "\r\n") utf16 += {c, '\0'};
  for (const char c : folder_.path().string() + "/") utf16 += {c, '\0'};
  utf16 += std::string("\xE4\0.\0p\0n\0g\0", 10);
  EXPECT_EQ(names_in_list(utf16), expected());
}

TEST_F(PictureLists, MayHaveBlanksQuotesAddressesAndZeros) {
  const auto& a = path("a b.png");
  const auto& b = path("\xC3\xA4.png");
  EXPECT_EQ(names_in_list("  " + a + "\n\t" + b + "  \n \n\n"), expected());
  EXPECT_EQ(names_in_list("\"" + a + "\"\n'" + b + "'"), expected());
  EXPECT_EQ(names_in_list("file://" + path("a%20b.png") + "\nfile://localhost" +
                          path("%C3%A4.png")),
            expected());
  EXPECT_EQ(names_in_list(a + '\0' + b + '\0'), expected());
}

TEST_F(PictureLists, TakeANameThatIsThereAsItStands) {
  const auto odd = folder_.write(" \"x%20y\" ", "").string();
  EXPECT_EQ(names_in_list(odd + "\n" + path("hash#.png")),
            (std::vector<fs::path>{odd, path("hash#.png")}));
  EXPECT_EQ(names_in_list("gone.png\n"), std::vector<fs::path>{"gone.png"});
}

TEST(ImageFolder, SaysWhatIsInAClassWithoutPictures) {
  TemporaryFolder folder;
  folder.write("cat/2022/deep/2.heic", "");
  folder.write("cat/1.heic", "");
  expect_words(words_of_error([&] { open_image_folder(folder.path(), 3, 1); }),
               "cat: an empty class folder: no " + kinds_read("or") +
                   " in or below it; remove the folder or fill it; there are 2 "
                   ".heic");
}

TEST(ImageFolder, WhatLiesDeeperIsOfItsClass) {
  TemporaryFolder folder;
  for (const char* name : {"cat/1.jpg", "cat/2021/may/2.jpg", "cat/2022/0.jpg",
                           "dog/2021/3.jpg", "dog/@eaDir/thumb.jpg"}) {
    folder.write(name, make_jpeg());
  }
  fs::create_directory_symlink(folder / "cat", folder / "cat/2022/round");
  const auto data = open_image_folder(folder.path(), 3, 2);
  ASSERT_EQ(data->size(), 4);
  EXPECT_EQ(data->classes(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(data->key(0), "cat/1.jpg");
  EXPECT_EQ(data->key(1), "cat/2021/may/2.jpg");
  EXPECT_EQ(data->key(2), "cat/2022/0.jpg");
  EXPECT_EQ(data->key(3), "dog/2021/3.jpg");
  EXPECT_EQ(data->label(2), 0);
  EXPECT_EQ(data->label(3), 1);
}

TEST(ImageFolder, EveryFolderWithPicturesMayBeAClass) {
  TemporaryFolder folder;
  for (const char* name :
       {"birds/eagle/1.jpg", "birds/2.jpg", "birds/owl/3.jpg", "cars/4.jpg",
        "cars/none/notes.txt"}) {
    folder.write(name, make_jpeg());
  }
  const auto leaf = ClassFolders::kLeaf;
  const auto data = open_image_folder(folder.path(), 3, 4, leaf);
  EXPECT_EQ(data->classes(), (std::vector<std::string>{"birds", "birds/eagle",
                                                       "birds/owl", "cars"}));
  ASSERT_EQ(data->size(), 4);
  EXPECT_EQ(data->key(0), "birds/2.jpg");
  EXPECT_EQ(data->key(1), "birds/eagle/1.jpg");
  EXPECT_EQ(data->label(3), 3);
  folder.write("birds/K\xE4se/5.jpg", make_jpeg());
  expect_words(
      words_of_error([&] { open_image_folder(folder.path(), 3, 4, leaf); }),
      "a class name that is not UTF-8");
}

// Its path is longer than any call takes; root may list every other folder.
TEST(ImageFolder, ASubfolderThatCannotBeListedEndsNothing) {
  TemporaryFolder folder;
  folder.write("cat/1.jpg", make_jpeg());
  const std::string name(250, 'd');
  int at = ::open((folder / "cat").c_str(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(::mkdirat(at, name.c_str(), 0700), 0);
    const int below = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY);
    ::close(at);
    at = below;
  }
  ::close(at);
  EXPECT_EQ(open_image_folder(folder.path(), 3, 1)->size(), 1);
}

TEST(ImageFolder, SaysWhatIsWrongWithTheFolderAroundASplit) {
  TemporaryFolder folder;
  const auto error = [](const fs::path& root) {
    return words_of_error([&] { open_image_folder(root / "train", 3, 1); });
  };
  expect_words(error(folder / "gone"),
               "gone: no such folder; data.root is the one that holds");
  expect_words(error(folder.write("t.csv", "")),
               "t.csv: is a file; data.root is a folder of class folders");
  expect_words(error(folder.path()), "there are no folders in it");
  folder.write("1.jpg", make_jpeg());
  expect_words(error(folder.path()),
               "there are pictures, and no folders: one a class is expected");
}

TEST(ImageFolder, NamesTheFoldersThatAreThere) {
  TemporaryFolder folder;
  folder.write("train/a/1.jpg", make_jpeg());
  folder.write("val/a/1.jpg", make_jpeg());
  expect_words(
      words_of_error([&] { open_image_folder(folder / "test", 3, 1); }),
      "no such folder; data.root must hold the folders named by "
      "data.train_split and data.val_split, each with one folder a class; "
      "there are 'train', 'val'");
  expect_words(
      words_of_error([&] { open_image_folder(folder / "train", 3, 2); }),
      "holds 1 class folders, but model.num_classes is 2; they are 'a'");
}

TEST(ImageFolder, RefusesNamesThatNoListCanHold) {
  TemporaryFolder folder;
  // Said before anything is said of what lies in the folders.
  fs::create_directory(folder / "empty");
  folder.write("two\nlines/1.jpg", make_jpeg());
  expect_words(words_of_error([&] { open_image_folder(folder.path(), 3, 1); }),
               "two\\nlines: a class name with a line end");
  fs::rename(folder / "two\nlines", folder / "K\xE4se");
  expect_words(words_of_error([&] { open_image_folder(folder.path(), 3, 1); }),
               "a class name that is not UTF-8");
}

TEST(ImageFolder, RefusesSplitsOfOtherClassesAndNamesThem) {
  TemporaryFolder folder;
  DataOptions options;
  options.root = folder.path();
  options.image_size = 8;
  const auto error = [&] {
    return words_of_error([&] { open_training_data(options, 3, 2, 0); });
  };
  const std::string nfc = "caf\xC3\xA9", nfd = "cafe\xCC\x81";
  for (const auto& name : {"train/bee/1.jpg", "test/bee/1.jpg"}) {
    folder.write(name, make_jpeg());
  }
  folder.write("train/" + nfc + "/1.jpg", make_jpeg());
  expect_words(error(),
               "differ; the labels of one would not be those of the "
               "other: only in 'train': '" +
                   nfc + "'");
  folder.write("test/" + nfd + "/1.jpg", make_jpeg());
  expect_words(error(), "two Unicode forms, NFC in 'train', NFD in 'test'");
  fs::rename(folder.path() / ("test/" + nfd), folder.path() / ("test/" + nfc));
  EXPECT_EQ(error(), "");
  fs::rename(folder / "test/bee", folder / "test/bee ");
  expect_words(error(), "only in 'train': 'bee'; only in 'test': 'bee '");
}

}  // namespace
}  // namespace skipzoo
