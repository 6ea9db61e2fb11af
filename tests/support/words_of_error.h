#pragma once

#include <stdexcept>
#include <string>

namespace skipzoo {

/// What a call throws, in words; empty if it does not.
template <typename Call>
std::string words_of_error(Call call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace skipzoo
