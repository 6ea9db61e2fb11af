#include "tools/cli/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

namespace skipzoo {

void reserve_standard_streams() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    // Open the other way round, so that its use fails as before. The lowest
    // number that is free is this one.
    const int mode = stream == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", mode) != stream) return;
  }
}

void ignore_signals_of_writing() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

CheckedOutput::CheckedOutput()
    : file_(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), "standard output"),
      buffer_(file_),
      before_(std::cout.rdbuf(&buffer_)) {
  std::cout.exceptions(std::ios::badbit);
  // Who looks on sees each line as it comes.
  if (::isatty(STDOUT_FILENO) != 0) std::cout << std::unitbuf;
}

CheckedOutput::~CheckedOutput() {
  std::cout.exceptions(std::ios::goodbit);
  std::cout.rdbuf(before_);
}

}  // namespace skipzoo
