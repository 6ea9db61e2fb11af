#include "tools/weights/weight_file.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/weight_files.h"
#include "tools/weights/write.h"

namespace skipzoo {
namespace {

/// make_weight_files.py: element j is j / 2 - 3, cut to the type; bools j % 2.
torch::Tensor expected(at::IntArrayRef sizes, at::ScalarType type,
                       double more = 0) {
  const auto j = torch::arange(c10::multiply_integers(sizes), torch::kDouble);
  if (type == torch::kByte) return (j * 2).to(type).view(sizes);
  return (type == torch::kBool ? j.remainder(2) : j / 2 - 3 + more)
      .to(type)
      .view(sizes);
}

torch::Tensor find(const WeightFile& file, const std::string& name) {
  for (const auto& [key, tensor] : file.tensors) {
    if (key == name) return tensor;
  }
  ADD_FAILURE() << "no " << name;
  return torch::zeros({});
}

void expect_plain(const WeightFile& file, const std::string& prefix = "",
                  double more = 0) {
  EXPECT_EQ(file.tensors.size(), 3u);
  for (const auto& [name, sizes] :
       {std::pair<std::string, std::vector<int64_t>>{"conv.weight",
                                                     {4, 3, 3, 3}},
        {"fc.weight", {5, 4}},
        {"fc.bias", {5}}}) {
    EXPECT_TRUE(torch::equal(find(file, prefix + name),
                             expected(sizes, torch::kFloat, more)))
        << name;
  }
}

class TorchFile : public testing::TestWithParam<const char*> {
 protected:
  WeightFile read(const std::string& stem, bool ema = false) {
    return read_weight_file(kWeightFiles / (stem + GetParam()),
                            {.prefer_ema = ema});
  }
};

TEST_P(TorchFile, ReadsStateDictsOfEveryForm) {
  const auto kind = std::string(GetParam()) == ".pth"
                        ? WeightKind::kTorchZip
                        : WeightKind::kTorchLegacy;
  for (const char* stem : {"plain", "ordered", "parameters"}) {
    const auto file = read(stem);
    EXPECT_EQ(file.kind, kind);
    EXPECT_EQ(file.wrapper, "");
    expect_plain(file);
  }
}

TEST_P(TorchFile, TakesTheWeightsOutOfATrainingCheckpoint) {
  const auto file = read("training");
  EXPECT_EQ(file.wrapper, "state_dict");
  expect_plain(file, "module.");
  const auto averaged = read("training", /*ema=*/true);
  EXPECT_EQ(averaged.wrapper, "state_dict_ema");
  expect_plain(averaged, "", 1);
}

TEST_P(TorchFile, ReadsEveryType) {
  const auto file = read("types");
  const std::pair<const char*, at::ScalarType> types[] = {
      {"float64", torch::kDouble}, {"float32", torch::kFloat},
      {"float16", torch::kHalf},   {"bfloat16", torch::kBFloat16},
      {"int64", torch::kLong},     {"int32", torch::kInt},
      {"int16", torch::kShort},    {"int8", torch::kChar},
      {"uint8", torch::kByte},     {"bool", torch::kBool}};
  EXPECT_EQ(file.tensors.size(), std::size(types));
  for (const auto& [name, type] : types) {
    const auto tensor = find(file, name);
    EXPECT_EQ(tensor.scalar_type(), type) << name;
    EXPECT_TRUE(torch::equal(tensor, expected({7}, type))) << name;
  }
}

TEST_P(TorchFile, HonoursViewsStridesAndOffsets) {
  const auto file = read("views");
  const auto base = expected({6, 8}, torch::kFloat);
  EXPECT_TRUE(torch::equal(find(file, "whole"), base));
  EXPECT_TRUE(torch::equal(find(file, "columns"), base.slice(1, 2, 5)));
  EXPECT_TRUE(torch::equal(find(file, "rows"), base.slice(0, 3)));
  EXPECT_TRUE(torch::equal(find(file, "transposed"), base.t()));
  EXPECT_TRUE(torch::equal(find(file, "channels_last"),
                           expected({2, 3, 4, 5}, torch::kFloat)));
  EXPECT_EQ(find(file, "scalar").item<float>(), -3);
  EXPECT_EQ(find(file, "empty").sizes(), (at::IntArrayRef{0, 4}));
  EXPECT_TRUE(torch::equal(find(file, "expanded"),
                           expected({1, 4}, torch::kFloat).expand({3, 4})));
}

INSTANTIATE_TEST_SUITE_P(Formats, TorchFile, testing::Values(".pth", ".th"));

TEST(Safetensors, ReadsOneFileAndShards) {
  const auto file = read_weight_file(kWeightFiles / "plain.safetensors");
  EXPECT_EQ(file.kind, WeightKind::kSafetensors);
  expect_plain(file);
  expect_plain(
      read_weight_file(kWeightFiles / "sharded.safetensors.index.json"));
  const auto types = read_weight_file(kWeightFiles / "types.safetensors");
  EXPECT_EQ(find(types, "bfloat16").scalar_type(), torch::kBFloat16);
}

TEST(Write, ComesBackBitForBitInBothFormats) {
  TemporaryFolder folder;
  for (const char* name : {"types.pth", "views.th", "training.pth"}) {
    const auto original = read_weight_file(kWeightFiles / name).tensors;
    write_pth(folder / "out.pth", original);
    write_safetensors(folder / "out.safetensors", original);
    for (const char* out : {"out.pth", "out.safetensors"}) {
      const auto again = read_weight_file(folder / out);
      ASSERT_EQ(again.tensors.size(), original.size());
      for (const auto& [key, tensor] : original) {
        const auto same = find(again, key);
        EXPECT_EQ(same.scalar_type(), tensor.scalar_type()) << key;
        EXPECT_TRUE(torch::equal(same, tensor)) << key;
      }
    }
  }
}

TEST(TorchScript, GivesItsParametersByTheirNames) {
  const auto file = read_weight_file(kWeightFiles / "script.pt");
  EXPECT_EQ(file.kind, WeightKind::kTorchScript);
  expect_plain(file);
}

TEST(WeightFile, SaysWhatAFileIsThatIsNone) {
  TemporaryFolder folder;
  const std::pair<const char*, std::string> cases[] = {
      {"an HTML page", "<!DOCTYPE html><html><body>Sign in</body></html>"},
      {"a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n"},
      {"a gzip file", std::string("\x1f\x8b\x08", 3)},
      {"a pickle, but none", std::string("\x80\x04\x95", 3)},
      {"not a file of weights", "hello"},
      {"without weight_map", "{\"a\": 1}"},
      {"is empty", ""}};
  for (const auto& [words, text] : cases) {
    const auto error = error_of(folder.write("model.pth", text));
    expect_says(error, words);
    expect_says(error, "model.pth: ");
  }
  expect_says(error_of(folder / "absent"), "cannot be read");
}

TEST(WeightFile, TruncatedAnywhereIsAnErrorOrTheWholeThing) {
  TemporaryFolder folder;
  for (const char* name : {"training.pth", "training.th", "plain.safetensors",
                           "script.pt", "views.th"}) {
    const auto whole = read_text(kWeightFiles / name);
    for (size_t size = 1; size < whole.size(); size += 97) {
      const auto path = folder.write("cut", whole.substr(0, size));
      EXPECT_NE(error_of(path), "no error") << name << " at " << size;
    }
  }
}

}  // namespace
}  // namespace skipzoo
