// Where SKIPZOO_ISA asks for what this processor has not, there is nothing to
// test: the whole run is skipped, in words that CTest knows.

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

#include "models/kernels/simd/processor.h"

namespace skipzoo {
namespace {

class IsaIsHere : public testing::Environment {
  void SetUp() override {
    try {
      isa_asked_for();
    } catch (const std::invalid_argument& error) {
      GTEST_SKIP() << error.what();
    }
  }
};
const auto* const kIsaIsHere = testing::AddGlobalTestEnvironment(new IsaIsHere);

TEST(Isa, KernelsUseWhatIsAskedFor) {
  const char* name = std::getenv("SKIPZOO_ISA");
  EXPECT_EQ(name_of(isa()), name ? name : std::string(name_of(best_isa())));
}

TEST(Isa, IsNamedAndOfThisProcessor) {
  EXPECT_EQ(isa_named("plain"), Isa::kPlain);
  EXPECT_EQ(isa_named(std::string(name_of(best_isa()))), best_isa());
  EXPECT_THROW(isa_named("sse9"), std::invalid_argument);
  if (best_isa() < Isa::kAmx) {
    EXPECT_THROW(isa_named("amx"), std::invalid_argument);
  }
}

}  // namespace
}  // namespace skipzoo
