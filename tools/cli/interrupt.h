#pragma once

namespace skipzoo {

/// From here on the first Ctrl-C, SIGTERM or SIGHUP only sets what interrupted_by()
/// returns; a second one ends the process at once.
void catch_interrupts();
/// The signal that came, or 0.
int interrupted_by();

}  // namespace skipzoo
