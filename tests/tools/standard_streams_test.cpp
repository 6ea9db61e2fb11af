// Standard input, output and error that are full, closed, or not what they
// seem.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// Runs skipzoo by way of a shell, with this behind the command.
Finished run_redirected(std::vector<std::string> arguments,
                        const std::string& redirection) {
  auto command = skipzoo_command(std::move(arguments));
  command.insert(command.begin(),
                 {"/bin/sh", "-c", "\"$0\" \"$@\" " + redirection});
  return Process(command).wait();
}

const std::string kPicture = std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg";

class StandardStreams : public testing::Test {
 protected:
  void SetUp() override {
    const auto config = folder.write(
        "net.yaml",
        "model: {family: resnet, depths: [1], widths: [4], num_classes: 3}\n"
        "data: {dataset: synthetic, synthetic_images: 16, image_size: 8}\n"
        "train: {epochs: 1, threads: 1, device: cpu}\n");
    train = {"train", "-c", config.string(), "-o", run};
  }
  TemporaryFolder folder;
  std::string run = (folder / "run").string();
  std::vector<std::string> train;
};

TEST_F(StandardStreams, ThatCannotBeWrittenIsOneSentence) {
  ASSERT_EQ(run_skipzoo(train).exit_code, 0);
  const std::map<std::string, std::string> redirections = {
      {">/dev/full", "No space left"}, {">&-", "it is closed"}};
  const std::vector<std::vector<std::string>> commands = {
      {"describe", "resnet"},
      {"--help"},
      {"train", "--help"},
      {"evaluate", run, "--json"},
      {"predict", run, kPicture}};
  for (const auto& [redirection, words] : redirections) {
    for (const auto& arguments : commands) {
      const auto finished = run_redirected(arguments, redirection);
      EXPECT_EQ(finished.exit_code, 1) << redirection << finished.err;
      const auto expected =
          "error: standard output: cannot be written: " + words;
      EXPECT_NE(finished.err.find(expected), std::string::npos) << finished.err;
    }
  }
}

TEST_F(StandardStreams, APipeThatClosesIsOneSentence) {
  run_redirected({"describe", "resnet"},
                 "2>" + (folder / "err").string() + " | true");
  const auto err = read_text(folder / "err");
  EXPECT_NE(err.find("standard output: cannot be written: Broken pipe"),
            std::string::npos)
      << err;
}

// A descriptor that is free is the next file's: the log would go into it.
TEST_F(StandardStreams, ThatAreClosedPutNoLogIntoAFile) {
  for (const char* redirection : {"2>&-", ">&- 2>&-", "<&- >&- 2>&-"}) {
    fs::remove_all(run);
    ASSERT_EQ(run_redirected(train, redirection).exit_code, 0) << redirection;
    ASSERT_EQ(run_skipzoo({"evaluate", run}).exit_code, 0) << redirection;
    const auto rows = read_text(fs::path(run) / "summary.csv");
    EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 2) << rows;
    const auto output = (folder / "guesses.csv").string();
    ASSERT_EQ(run_redirected({"predict", run, kPicture, "/absent.jpg",
                              "--format", "csv", "--output", output},
                             redirection)
                  .exit_code,
              1);
    const auto guesses = read_text(output);
    EXPECT_EQ(std::count(guesses.begin(), guesses.end(), '\n'), 4) << guesses;
    EXPECT_EQ(guesses.find("error"), std::string::npos) << guesses;
  }
}

TEST_F(StandardStreams, AreAppendedToWhereTheyAreNamedAsTheOutput) {
  ASSERT_EQ(run_skipzoo(train).exit_code, 0);
  const auto all = folder.write("all.csv", "before\n");
  for (const char* name : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    const auto finished = run_redirected(
        {"predict", run, kPicture, "--format", "csv", "--output", name},
        ">>" + all.string());
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
  }
  const auto text = read_text(all);
  EXPECT_TRUE(text.starts_with("before\nimage,rank,class"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1 + 3 * 4) << text;
  const auto exported =
      run_redirected({"export", run, "--format", "onnx", "-o", "/dev/stdout"},
                     ">" + (folder / "net.onnx").string());
  EXPECT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_EQ(run_skipzoo({"export", run, "--format", "onnx", "-o",
                         (folder / "same.onnx").string()})
                .exit_code,
            0);
  EXPECT_EQ(read_text(folder / "net.onnx"), read_text(folder / "same.onnx"));
}

}  // namespace
}  // namespace skipzoo
