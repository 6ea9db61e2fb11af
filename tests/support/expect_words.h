#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/process.h"

namespace skipzoo {

inline void expect_words(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << text;
}

/// On standard error, at the end of a program with this exit code.
inline void expect_words(const Finished& finished, int exit_code,
                         const std::string& words) {
  EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
  expect_words(finished.err, words);
}

}  // namespace skipzoo
