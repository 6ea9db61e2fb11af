#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/support/temporary_folder.h"
#include "tools/config/source.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

fs::path make_pipe(const TemporaryFolder& folder) {
  const auto path = folder / "pipe";
  EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
  return path;
}

std::string refusal(const fs::path& path) {
  try {
    read_config_text(path);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ConfigSource, PathsInAFileStartAtTheFile) {
  const TemporaryFolder folder;
  const auto read = read_config_text(folder.write("a/run.yaml", "text"));
  EXPECT_EQ(read.text, "text");
  EXPECT_EQ(read.folder, folder / "a");
  EXPECT_FALSE(is_piped(folder / "a/run.yaml"));
}

TEST(ConfigSource, APipeIsReadToItsEndHoweverItComes) {
  const TemporaryFolder folder;
  const auto pipe = make_pipe(folder);
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    std::ofstream out(pipe);
    out << "first " << std::flush;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    out << std::string(100'000, 'x');
  });
  const auto read = read_config_text(pipe);
  writer.join();
  EXPECT_EQ(read.text, "first " + std::string(100'000, 'x'));
  EXPECT_EQ(read.folder, fs::current_path());
  EXPECT_TRUE(is_piped(pipe));
}

TEST(ConfigSource, APipeThatNobodyWritesToIsGivenUp) {
  const TemporaryFolder folder;
  EXPECT_NE(refusal(make_pipe(folder)).find("nobody writes to this pipe"),
            std::string::npos);
}

TEST(ConfigSource, WhatIsNoConfigIsRefusedInWords) {
  const TemporaryFolder folder;
  EXPECT_NE(refusal(folder.path()).find("is a folder"), std::string::npos);
  EXPECT_NE(refusal(folder / "absent").find("cannot be read: No such file"),
            std::string::npos);
  EXPECT_NE(refusal("/dev/zero").find("larger than a config"),
            std::string::npos);
  EXPECT_EQ(read_config_text("/dev/null").text, "");
}

}  // namespace
}  // namespace skipzoo
