#include "models/kernels/verdict.h"

namespace skipzoo {

std::string Verdict::words() const {
  std::string words;
  size_t next = 0;
  for (const char* c = why; *c != '\0'; ++c) {
    if (*c == '#' && next < kMostNumbers) {
      words += std::to_string(numbers[next++]);
    } else {
      words += *c;
    }
  }
  return words;
}

}  // namespace skipzoo
