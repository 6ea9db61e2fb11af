#include "tools/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>
#include <set>

#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

TEST(ReadFile, TakesOrdinaryFilesOfAnOrdinarySizeAlone) {
  TemporaryFolder folder;
  const auto words = [](const fs::path& path) {
    return words_of_error([&] { read_file(path); });
  };
  EXPECT_EQ(read_file(folder.write("file", "text")).size(), 4u);
  EXPECT_TRUE(read_file(folder.write("empty", "")).empty());
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const fs::path& path : {folder / "pipe", fs::path("/dev/zero")}) {
    EXPECT_NE(words(path).find("is no ordinary file"), std::string::npos);
  }
  const auto sparse = folder.write("sparse", "");
  fs::resize_file(sparse, uint64_t{1} << 42);
  EXPECT_NE(words(sparse).find("4.4 TB, more than the memory that is free"),
            std::string::npos)
      << words(sparse);
  EXPECT_NE(words(folder / "absent").find("No such file"), std::string::npos);
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

}  // namespace
}  // namespace skipzoo
