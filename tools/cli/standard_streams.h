#pragma once

#include <ostream>

#include "tools/output_file.h"

namespace skipzoo {

/// Keeps 0, 1 and 2 from being given to a file of ours where the caller closed
/// them: a log line would go into it. What is said there is refused. To be
/// called before anything is opened.
void reserve_standard_streams();

/// Has a closed pipe, and a file that may not grow, refuse what is written
/// rather than end the process.
void ignore_signals_of_writing();

/// While it stands, what goes to std::cout and cannot be written is a FileError
/// at once, out of the operator that wrote it.
class CheckedOutput {
 public:
  CheckedOutput();
  ~CheckedOutput();
  CheckedOutput(const CheckedOutput&) = delete;
  CheckedOutput& operator=(const CheckedOutput&) = delete;

 private:
  OutputFile file_;
  OutputBuffer buffer_;
  std::streambuf* before_;
};

}  // namespace skipzoo
