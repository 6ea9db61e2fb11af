#pragma once

#include <string>

namespace skipzoo {

/// From here on a signal that asks a process to end removes what it has half
/// written before it does.
void clean_up_when_ended();

/// From here on the first signal that asks the process to end only sets what
/// interrupted_by() returns: Ctrl-C, SIGTERM, SIGHUP, and what batch systems
/// send before a limit, SIGUSR1, SIGUSR2 and SIGXCPU. A second Ctrl-C ends it
/// at once; others may come as often as they like (systemd sends two).
void catch_interrupts(bool speaks = true);
/// The signal that came, or 0.
int interrupted_by();
/// Its name: "SIGTERM".
const char* name_of_signal(int signal);

/// What is lost by a second Ctrl-C, in words; both Ctrl-C say it.
void set_loss_of_interrupt(const std::string& words);

}  // namespace skipzoo
