#pragma once

#include <string>

#include "tests/support/process.h"

namespace skipzoo {

/// Runs the command that a finished run prints as the next one, in `folder`, as
/// a shell takes it.
inline Finished run_next_command(const Finished& run,
                                 const std::string& folder) {
  const std::string mark = "next: ";
  const auto at = run.err.find(mark);
  const auto command = at == std::string::npos
                           ? std::string("echo no next command >&2; exit 99")
                           : run.err.substr(at + mark.size());
  return Process({"/bin/sh", "-c", command}, folder).wait();
}

}  // namespace skipzoo
