// Weight files as an attacker would send them: each is read or refused with a
// FileError, within 2 s and 1 GB, never a crash. Built with AddressSanitizer
// and UndefinedBehaviorSanitizer, the readers with it.

#include <gtest/gtest.h>

#include "tests/support/hostile.h"
#include "tools/data/random.h"

namespace skipzoo {
namespace {

class Mutated : public testing::TestWithParam<const char*> {};

TEST_P(Mutated, IsReadOrRefused) {
  TemporaryFolder folder;
  const PeakMemory peak;
  const auto good = read_text(kWeightFiles / GetParam());
  Random random(11);
  double longest = 0;
  for (int i = 0; i < 300; ++i) {
    auto bytes = good;
    const auto size = static_cast<int64_t>(bytes.size());
    const int64_t kind = random.below(4);
    for (int64_t j = 0; j <= random.below(6); ++j) {
      const auto at = static_cast<size_t>(random.below(size));
      if (kind == 0) bytes[at] = static_cast<char>(random.next());
      if (kind == 1) bytes[at] = static_cast<char>(0xFF);
      if (kind == 2) bytes[at] ^= static_cast<char>(1 << random.below(8));
    }
    if (kind == 3) {  // A piece of it, once more or no more.
      const auto at = static_cast<size_t>(random.below(size));
      const auto length = static_cast<size_t>(random.below(64) + 1);
      if (random.coin()) {
        bytes.erase(at, length);
      } else {
        bytes.insert(at, bytes.substr(at, length));
      }
    }
    longest = std::max(longest, read_all(folder.write("hostile", bytes)));
  }
  EXPECT_LT(longest, 2);
  EXPECT_LT(peak.megabytes(), 1000);
}

INSTANTIATE_TEST_SUITE_P(Files, Mutated,
                         testing::Values("training.pth", "training.th",
                                         "views.pth", "views.th", "types.th",
                                         "plain.safetensors", "script.pt"));

}  // namespace
}  // namespace skipzoo
