#include <gtest/gtest.h>

#include "tests/support/pickle_file.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/words_of_error.h"
#include "tools/weights/weight_file.h"
#include "tools/weights/write.h"

namespace skipzoo {
namespace {

TEST(WriteWeights, RefusesNamesThatNoReaderTakes) {
  TemporaryFolder folder;
  const NamedTensors bad = {{"caf\xe9", torch::ones({1})}};
  for (const auto& words :
       {words_of_error([&] { write_pth(folder / "a.pth", bad); }),
        words_of_error(
            [&] { write_safetensors(folder / "a.safetensors", bad); }),
        words_of_error([&] {
          write_safetensors(folder / "b.safetensors",
                            {{"__metadata__", torch::ones({1})}});
        })}) {
    EXPECT_NE(words.find("is not written: "), std::string::npos) << words;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(WriteWeights, KeepsUnusualTypesOrRefusesThem) {
  TemporaryFolder folder;
  const auto ones = torch::ones({4});
  NamedTensors odd;
  for (const auto type : {at::kFloat8_e4m3fn, at::kFloat8_e5m2, at::kUInt16,
                          at::kUInt32, at::kUInt64, at::kComplexFloat}) {
    odd.emplace_back(c10::toString(type), ones.to(type));
  }
  write_safetensors(folder / "odd.safetensors", odd);
  const auto words =
      words_of_error([&] { write_pth(folder / "odd.pth", odd); });
  EXPECT_NE(words.find("which the format has not; try .safetensors"),
            std::string::npos)
      << words;
}

// 24 bytes that 400 views repeat to 16 GB.
TEST(Convert, WritesNoBomb) {
  using P = PickleFile;
  TemporaryFolder folder;
  P pickle;
  const auto small = pickle.zeros({1});
  // Its size and stride as they stand in the pickle: (1,) and (1,).
  const auto one = P::tuple({P::integer(1)});
  const auto at = small.find(one + one);
  ASSERT_NE(at, std::string::npos);
  auto view = small;
  view.replace(at, 2 * one.size(),
               P::tuple({P::integer(10'000'000)}) + P::tuple({P::integer(0)}));
  P::Pairs pairs;
  for (int i = 0; i < 400; ++i) {
    pairs.emplace_back(P::text("w" + std::to_string(i)), view);
  }
  pickle.write(folder / "bomb.pth", P::dict(pairs));
  const auto finished = run_skipzoo({"convert", (folder / "bomb.pth").string(),
                                     (folder / "out.safetensors").string()});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "out.safetensors"));
}

}  // namespace
}  // namespace skipzoo
