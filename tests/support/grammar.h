#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/pickle_text.h"
#include "tests/support/zip.h"
#include "tools/data/random.h"

namespace skipzoo {

/// Makes files of weights by the rules of their formats, with numbers that no
/// honest program writes. What mutating the bytes of a good file never meets:
/// files that are right in form, and hold two offsets that overflow together.
class Grammar {
 public:
  explicit Grammar(uint64_t seed) : random_(seed) {}

  /// A file of any of the formats below.
  std::string file();
  std::string torch_zip();
  std::string torch_legacy();
  std::string torch_tar();
  std::string torch_script();
  std::string safetensors();
  std::string checkpoint();

 private:
  bool chance(int64_t percent) { return random_.below(100) < percent; }
  template <typename T>
  T any_of(const std::vector<T>& values) {
    return values[static_cast<size_t>(
        random_.below(static_cast<int64_t>(values.size())))];
  }
  /// Mostly small; else at an end of a type.
  int64_t number();
  std::vector<int64_t> numbers(size_t most);
  std::string name();
  std::string number_text();

  std::string value(int depth);
  std::string tensor();
  std::string dict(int depth);
  std::string module(int depth);
  std::string state_dict();
  std::vector<ZipRecord> records(const std::string& folder);
  std::string zip(std::vector<ZipRecord> records);
  std::string tar(const std::string& name, const std::string& data);

  Random random_;
  uint64_t memos_ = 0;
};

}  // namespace skipzoo
