// Downloads beside others, and onto a disk that fails.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>

#include "tests/support/downloads.h"
#include "tests/support/expect_words.h"
#include "tests/support/faults.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// In a process of its own; its exit code is 0 where nothing was thrown.
pid_t download_beside(const Download& what, const DownloadOptions& options) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  try {
    download(what, options);
  } catch (...) {
    ::_exit(1);
  }
  ::_exit(0);
}

TEST_F(Downloads, OfTwoProcessesOneFetchesAndTheOtherFindsIt) {
  std::promise<void> both_run;
  HttpServer server(
      [&, run = both_run.get_future().share()](const auto& request) {
        run.wait();
        std::this_thread::sleep_for(100ms);  // For the other to meet the lock.
        return file_reply(request, content);
      });
  const auto what = from(server);
  const pid_t first = download_beside(what, options());
  const pid_t second = download_beside(what, options());
  both_run.set_value();
  for (const pid_t child : {first, second}) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  expect_whole();
  EXPECT_EQ(server.requests().size(), 1u);
}

// Each call by which it writes fails in turn: nothing gets the name, and the
// next download goes on.
TEST_F(Downloads, OnAFullDiskSaySoAndAreNotHalfThere) {
  HttpServer server(
      [&](const auto& request) { return file_reply(request, content); });
  int64_t number = 1;
  for (; number < 50; ++number) {
    SCOPED_TRACE(number);
    std::string error;
    {
      Fault fault(number, ENOSPC);
      error = error_of(server);
      if (!fault.happened()) break;
    }
    // A lock's own name may be lost: nobody needs it.
    if (error.empty()) {
      EXPECT_TRUE(read_text(to) == content);
    } else {
      expect_words(error, std::strerror(ENOSPC));
      EXPECT_FALSE(fs::exists(to));
      download(from(server), options());
    }
    expect_whole();
    fs::remove_all(to.parent_path());
  }
  EXPECT_GE(number, 8);
  EXPECT_LT(number, 50);
}

}  // namespace
}  // namespace skipzoo
