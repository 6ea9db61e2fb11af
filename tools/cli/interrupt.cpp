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
}

int interrupted_by() { return received; }

}  // namespace skipzoo
