#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace skipzoo {

/// Runs so many copies of this program, each with these arguments and, in its
/// environment, its place among them (place_of_process()). They meet on this
/// machine alone, end with this process, and get the signals that end it. Once
/// one has failed, the others have `grace` to say what became of them. Returns
/// 0 or the exit code of the first that failed, 128 and the number of a signal
/// that ended it. Throws ConnectionError where none can be started.
int run_processes(const std::vector<std::string>& arguments, int64_t count,
                  std::chrono::seconds grace);

}  // namespace skipzoo
