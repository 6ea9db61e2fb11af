#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tools/error.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

/// Where the files that make_weight_files.py wrote are.
inline const std::filesystem::path kWeightFiles =
    std::filesystem::path(SKIPZOO_GOLDENS) / "weights";

/// 1, 2, 3, 4 as little-endian floats.
inline const std::string kOneToFour(
    "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40", 16);

/// What a reader says of a file; "no error" where it takes it.
template <typename Read>
std::string file_error(Read read) {
  try {
    read();
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

/// What reading a file of weights says.
inline std::string error_of(const std::filesystem::path& path) {
  return file_error([&] { read_weight_file(path); });
}

inline void expect_says(const std::string& error, const std::string& words) {
  EXPECT_NE(error.find(words), std::string::npos) << error;
}

}  // namespace skipzoo
