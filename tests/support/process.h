#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace skipzoo {

/// What a finished program left.
struct Finished {
  int exit_code = 0;  ///< 128 + signal where one ended it.
  std::string out;
  std::string err;
  int64_t peak_megabytes = 0;  ///< The most memory it had.
};

/// A program running beside the test, its output kept in files.
class Process {
 public:
  /// arguments: the program's path first. No shell in between.
  explicit Process(const std::vector<std::string>& arguments,
                   const std::string& working_folder = "");
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  pid_t id() const { return pid_; }
  /// What it has said on standard error so far.
  std::string errors_so_far() const;
  Finished wait();
  /// Whether it has ended by then, for wait() to gather.
  bool ends_within(std::chrono::duration<double> time) const;

 private:
  pid_t pid_;
  std::string out_;
  std::string err_;
};

/// Runs the skipzoo binary of this build to its end.
Finished run_skipzoo(std::vector<std::string> arguments,
                     const std::string& working_folder = "");
/// The binary's path and those arguments, for a Process.
std::vector<std::string> skipzoo_command(std::vector<std::string> arguments);

}  // namespace skipzoo
