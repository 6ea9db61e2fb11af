#include "tools/cli/interrupt.h"

#include <csignal>

namespace skipzoo {

namespace {

volatile std::sig_atomic_t received = 0;

void remember(int signal) {
  received = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, remember);
  std::signal(SIGTERM, remember);
  // A terminal that closes; nohup has it ignored already, and means it.
  if (std::signal(SIGHUP, remember) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
}

int interrupted_by() { return received; }

}  // namespace skipzoo
