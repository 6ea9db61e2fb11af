#include "tools/cli/interrupt.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "tools/write_whole.h"

namespace skipzoo {

namespace {

struct Signal {
  int number;
  const char* name;
};
constexpr std::array<Signal, 6> kSignals = {{{SIGINT, "SIGINT"},
                                             {SIGTERM, "SIGTERM"},
                                             {SIGHUP, "SIGHUP"},
                                             {SIGUSR1, "SIGUSR1"},
                                             {SIGUSR2, "SIGUSR2"},
                                             {SIGXCPU, "SIGXCPU"}}};

std::atomic<int> received = 0;
std::atomic<bool> speaks = true;
std::atomic<int> interrupts = 0;  ///< How many of them were Ctrl-C.

/// Written by turns, so that a handler never reads what is being written.
std::array<std::array<char, 512>, 2> losses{};
std::atomic<size_t> loss = 0;

// What a handler calls: no lock, no allocation.

void say(const char* text) {
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void end_cleanly(int signal) {
  remove_unfinished_files();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void remember(int signal) {
  const int error = errno;
  int none = 0;
  const bool first = received.compare_exchange_strong(none, signal);
  if (signal == SIGINT && ++interrupts > 1) {
    if (speaks) {
      say("ended at once; lost is ");
      say(losses[loss].data());
      say("\n");
    }
    remove_unfinished_files();
    ::_exit(128 + signal);
  }
  if (speaks && (first || signal == SIGINT)) {
    say(::isatty(STDERR_FILENO) != 0 ? "\n" : "");
    say(name_of_signal(signal));
    say(": finishes the step and saves");
    if (signal == SIGINT) {
      say("; another Ctrl-C ends it at once and loses ");
      say(losses[loss].data());
    }
    say("\n");
  }
  errno = error;
}

/// A signal that the caller has ignored stays so: nohup means it.
void handle(int signal, void (*handler)(int)) {
  struct sigaction old {};
  if (::sigaction(signal, nullptr, &old) == 0 && old.sa_handler == SIG_IGN) {
    return;
  }
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void clean_up_when_ended() {
  for (const auto& [number, name] : kSignals) handle(number, end_cleanly);
}

void catch_interrupts(bool speaks_of_them) {
  speaks = speaks_of_them;
  set_loss_of_interrupt("what was not saved");
  for (const auto& [number, name] : kSignals) handle(number, remember);
  // A shell that starts a job in the background has it ignore Ctrl-C, which
  // then is somebody's kill -INT.
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
}

int interrupted_by() { return received; }

const char* name_of_signal(int signal) {
  for (const auto& [number, name] : kSignals) {
    if (number == signal) return name;
  }
  return "a signal";
}

void set_loss_of_interrupt(const std::string& words) {
  const size_t next = 1 - loss;
  auto& text = losses[next];
  const size_t size = std::min(words.size(), text.size() - 1);
  std::memcpy(text.data(), words.data(), size);
  text[size] = '\0';
  loss = next;
}

}  // namespace skipzoo
