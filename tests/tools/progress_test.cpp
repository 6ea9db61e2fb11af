// What a terminal sees of work that takes a while, and what a file does not.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

/// What the binary writes to stderr where that is a terminal.
std::string seen_on_a_terminal(const std::vector<std::string>& arguments,
                               bool has_colour) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  EXPECT_EQ(::grantpt(terminal) | ::unlockpt(terminal), 0);
  const std::string name = ::ptsname(terminal);
  const auto command = skipzoo_command(arguments);
  std::vector<char*> argv;
  for (const auto& word : command)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    if (!has_colour) ::setenv("NO_COLOR", "1", 1);
    ::dup2(::open("/dev/null", O_RDWR), STDIN_FILENO);
    ::dup2(STDIN_FILENO, STDOUT_FILENO);
    ::dup2(::open(name.c_str(), O_RDWR | O_NOCTTY), STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(98);
  }
  std::string seen;
  std::array<char, 1024> piece;
  // Reading fails once nobody holds the other side open.
  for (ssize_t count = 0;
       (count = ::read(terminal, piece.data(), piece.size())) != 0;) {
    if (count < 0 && errno == EIO && ::waitpid(child, nullptr, WNOHANG) != 0)
      break;
    if (count > 0) seen.append(piece.data(), static_cast<size_t>(count));
    if (count < 0) ::usleep(10'000);
  }
  ::close(terminal);
  return seen;
}

TEST(Progress, IsShownOnATerminalAndNowhereElse) {
  const TemporaryFolder folder;
  const auto run = (folder / "run").string();
  const auto trained = run_skipzoo(
      {"train", "-c", std::string(SKIPZOO_CONFIGS) + "/digits/resnet20.yaml",
       "-o", run, "--set", "data.dataset=synthetic", "--set",
       "data.synthetic_images=8", "--set", "train.epochs=1", "--set",
       "train.threads=1", "--set", "model.depths=[1,1,1]"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  // The bar is drawn ten times a second: a picture a step takes longer.
  // The type is named, or bfloat16 would be recommended on some processors.
  const std::vector<std::string> evaluate = {
      "evaluate",          run,     "--set",
      "data.batch_size=1", "--set", "data.synthetic_images=100",
      "--dtype",           "fp32"};
  const auto seen = seen_on_a_terminal(evaluate, /*has_colour=*/true);
  EXPECT_NE(seen.find("evaluate 1/100 ["), std::string::npos) << seen;
  EXPECT_NE(seen.find("\x1b[36m"), std::string::npos) << seen;
  EXPECT_NE(seen.find("ETA"), std::string::npos) << seen;
  const auto quiet = run_skipzoo(evaluate);
  EXPECT_EQ(quiet.exit_code, 0);
  EXPECT_EQ(quiet.err, "page: " + run + "/evaluate-best-test.html\n");
  const auto predicted = seen_on_a_terminal(
      {"predict", run, std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg"},
      /*has_colour=*/false);
  EXPECT_NE(predicted.find("predict 1/1"), std::string::npos) << predicted;
  EXPECT_EQ(predicted.find("\x1b[36m"), std::string::npos) << predicted;
}

}  // namespace
}  // namespace skipzoo
