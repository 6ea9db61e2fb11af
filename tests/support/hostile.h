#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <string>

#include "tests/support/temporary_folder.h"
#include "tools/error.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

/// The most memory this process ever had, in MB; the sanitizers' own included.
inline int64_t peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

/// Reads a file and looks at every number in it; how long that took, in s.
inline double read_all(const std::filesystem::path& path) {
  const auto start = std::chrono::steady_clock::now();
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
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

/// What reading a file of these bytes says.
inline std::string error_of(const std::string& bytes,
                            const std::string& name = "hostile") {
  TemporaryFolder folder;
  try {
    read_weight_file(folder.write(name, bytes));
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

inline void expect_refused(const std::string& bytes, const std::string& words) {
  const auto error = error_of(bytes);
  EXPECT_NE(error.find(words), std::string::npos) << error;
}

}  // namespace skipzoo
