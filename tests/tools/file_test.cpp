#include "tools/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>
#include <set>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

TEST(WriteWhole, ReplacesAFileAndLeavesNothingBesideIt) {
  TemporaryFolder folder;
  const auto path = folder.write("file", "old");
  write_whole(path, "new");
  EXPECT_EQ(read_text(path), "new");
  EXPECT_ANY_THROW(write_whole(path, [](const fs::path& beside) {
    write_whole(beside, "half");
    throw std::runtime_error("crash");
  }));
  EXPECT_EQ(read_text(path), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()),
                          fs::directory_iterator()),
            1);
}

TEST(WriteWhole, WritesThroughALinkAndIntoAPipe) {
  TemporaryFolder folder;
  const auto target = folder.write("target", "old");
  fs::create_symlink(target, folder / "link");
  write_whole(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_text(target), "new");

  const auto pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  Process reader({"/bin/cat", pipe.string()});
  write_whole(pipe, "through");
  EXPECT_EQ(reader.wait().out, "through");
  EXPECT_TRUE(fs::is_fifo(pipe));
}

TEST(WriteWhole, SaysWhatIsInTheWay) {
  TemporaryFolder folder;
  const auto words = [](const fs::path& path) {
    return words_of_error([&] { write_whole(path, "text"); });
  };
  EXPECT_NE(words(folder / "none/file").find("there is no folder"),
            std::string::npos);
  EXPECT_NE(words(folder.path()).find("is a folder"), std::string::npos);
}

TEST(MakeFolderOfItsOwn, GivesEachOfManyAtOnceAnother) {
  TemporaryFolder folder;
  std::vector<std::future<fs::path>> all;
  for (int i = 0; i < 32; ++i) {
    all.push_back(std::async(std::launch::async, [&] {
      return make_folder_of_its_own(folder / "runs/run");
    }));
  }
  std::set<fs::path> names;
  for (auto& one : all) names.insert(one.get());
  EXPECT_EQ(names.size(), 32);
  EXPECT_TRUE(names.contains(folder / "runs/run"));
  EXPECT_TRUE(names.contains(folder / "runs/run-32"));
  for (const auto& name : names) EXPECT_TRUE(fs::is_directory(name));
}

TEST(MakeFolderOfItsOwn, SaysWhatIsInTheWay) {
  TemporaryFolder folder;
  const auto file = folder.write("file", "");
  const auto words =
      words_of_error([&] { make_folder_of_its_own(file / "run"); });
  EXPECT_NE(words.find("cannot be created"), std::string::npos) << words;
}

TEST(StandardOutput, ThatCannotBeWrittenIsAnError) {
  const auto finished =
      Process({"/bin/sh", "-c", "\"$0\" describe resnet > /dev/full",
               SKIPZOO_BINARY})
          .wait();
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_NE(finished.err.find("standard output: cannot be written"),
            std::string::npos)
      << finished.err;
}

}  // namespace
}  // namespace skipzoo
