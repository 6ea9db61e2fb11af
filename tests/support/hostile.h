#pragma once

#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <stdexcept>
#include <string>

#include "tests/support/temporary_folder.h"
#include "tests/support/weight_files.h"

namespace skipzoo {

/// The most memory this process had at once since this was made, in MB above
/// what it had then; the sanitizers' own included. One test's peak is not
/// another's: the kernel's high-water mark is set back (`man
/// proc_pid_clear_refs`).
class PeakMemory {
 public:
  PeakMemory() {
    std::ofstream("/proc/self/clear_refs") << 5 << std::flush;
    before_ = megabytes("VmRSS:");
  }
  int64_t megabytes() const { return megabytes("VmHWM:") - before_; }

 private:
  static int64_t megabytes(const std::string& field) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      int64_t kilobytes = 0;
      if (word == field && status >> kilobytes) return kilobytes / 1024;
    }
    throw std::runtime_error("/proc/self/status lacks " + field);
  }
  int64_t before_ = 0;
};

/// The computing time of this process, in s: that of others on a busy machine
/// is not the code's.
inline double computing_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// Reads a file and looks at every number in it; how long that took, in s.
inline double read_all(const std::filesystem::path& path) {
  const double start = computing_seconds();
  try {
    for (const auto& [name, tensor] : read_weight_file(path).tensors) {
      const auto numbers = tensor.contiguous();
      const auto* bytes =
          static_cast<const unsigned char*>(numbers.const_data_ptr());
      unsigned sum = 0;
      for (size_t i = 0; i < numbers.nbytes(); ++i) sum += bytes[i];
      EXPECT_GE(sum, 0u);
    }
  } catch (const FileError& error) {
    EXPECT_NE(std::string(error.what()).find(": "), std::string::npos);
  }
  return computing_seconds() - start;
}

/// What reading a file of these bytes says.
inline std::string error_of(const std::string& bytes,
                            const std::string& name = "hostile") {
  TemporaryFolder folder;
  return error_of(folder.write(name, bytes));
}

inline void expect_refused(const std::string& bytes, const std::string& words) {
  expect_says(error_of(bytes), words);
}

}  // namespace skipzoo
