// Configs and ONNX models with bytes changed at random, by a fixed seed: what
// is read is whole, or one of our errors says what is wrong. Under sanitizers.

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/damaged.h"
#include "tools/config/value.h"
#include "tools/error.h"
#include "tools/export/onnx_model.h"
#include "tools/protobuf.h"

namespace skipzoo {
namespace {

/// Every value reached, so that what is left dangling is found.
size_t letters(const Value& value) {
  size_t sum = value.text.size() + value.place.size();
  for (const auto& item : value.list) sum += letters(item);
  for (const auto& entry : value.section) {
    sum += entry.key.size() + letters(entry.value);
  }
  return sum;
}

TEST(HostileYaml, IsReadWholeOrRefused) {
  const std::string good =
      "# a config\n"
      "base: &base {lr: 0.05, betas: [0.9, 0.999]}\n"
      "model:\n  family: resnet\n  depths: [3, 3, 3]  # blocks\n"
      "data: {root: '/some where', mean: [0.5, \"0.25\"], root2: \"a\\tb\"}\n"
      "train:\n  optimizer:\n    <<: *base\n    name: sgd\n"
      "  note: |\n    two\n    lines\n  last: >-\n    folded\n    text\n"
      "? key\n: ~\n";
  ASSERT_GT(letters(parse_yaml(good, {"good.yaml", "/"})), 100u);
  Random random(21);
  int read = 0, refused = 0;
  for (int i = 0; i < 4000; ++i) {
    try {
      letters(parse_yaml(damaged(good, random), {"odd.yaml", "/"}));
      ++read;
    } catch (const ConfigError& error) {
      EXPECT_EQ(std::string(error.what()).rfind("odd.yaml:", 0), 0u)
          << error.what();
      ++refused;
    }
  }
  EXPECT_GT(read, 100);
  EXPECT_GT(refused, 1000);
}

TEST(HostileYaml, AnOverrideIsTakenWholeOrRefused) {
  Random random(22);
  for (int i = 0; i < 2000; ++i) {
    auto root =
        parse_yaml("train: {epochs: 3}\nlist: [1, 2]\n", {"a.yaml", "/"});
    try {
      apply_override(root,
                     damaged("train.optimizer={lr: [0.1, '2'], x: }", random));
      letters(root);
    } catch (const ConfigError&) {
    }
  }
}

std::string varint(uint64_t value) {
  std::string text;
  for (; value > 127; value >>= 7) text += static_cast<char>(value | 128);
  return text + static_cast<char>(value);
}
std::string number_field(int number, uint64_t value) {
  return varint(static_cast<uint64_t>(number) << 3) + varint(value);
}

/// TensorProto of floats: dims 1, data_type 2, name 8, raw_data 9.
std::string tensor_of(const std::string& name,
                      const std::vector<uint64_t>& sizes, size_t bytes) {
  std::string text;
  for (const auto size : sizes) text += number_field(1, size);
  return text + number_field(2, 1) + proto_field(8, name) +
         proto_field(9, std::string(bytes, '\1'));
}

/// A ModelProto of one Gemm: its graph is 7, metadata 14.
std::string onnx_of(const std::string& tensor) {
  const std::string node =
      proto_field(1, "x") + proto_field(1, "w") + proto_field(2, "y") +
      proto_field(4, "Gemm") +
      proto_field(5, proto_field(1, "transB") + number_field(3, 1) +
                         proto_field(8, varint(300)));
  const std::string graph = proto_field(1, node) + proto_field(5, tensor) +
                            proto_field(11, proto_field(1, "x")) +
                            proto_field(12, proto_field(1, "y"));
  return number_field(1, 8) + proto_field(7, graph) +
         proto_field(14, proto_field(1, "classes") + proto_field(2, "a,b"));
}

TEST(HostileOnnx, IsReadWholeOrRefused) {
  const auto good = onnx_of(tensor_of("w", {2, 3}, 24));
  ASSERT_EQ(OnnxModel(good).initialisers().at("w").numel(), 6);
  Random random(23);
  int read = 0, refused = 0;
  for (int i = 0; i < 6000; ++i) {
    try {
      const OnnxModel model(damaged(good, random));
      for (const auto& [name, tensor] : model.initialisers()) {
        EXPECT_LE(tensor.nbytes(), good.size() * 2) << name;
      }
      ++read;
    } catch (const std::runtime_error&) {
      ++refused;
    }
  }
  EXPECT_GT(read, 100);
  EXPECT_GT(refused, 1000);
}

TEST(HostileOnnx, SizesAreCheckedBeforeMemoryIsTaken) {
  const uint64_t huge = uint64_t{1} << 62;
  const std::vector<std::vector<uint64_t>> odd = {
      {huge, huge}, {huge}, {~uint64_t{0}, 24}, {0, huge}, {1 << 30, 1 << 30}};
  for (const auto& sizes : odd) {
    EXPECT_THROW(OnnxModel(onnx_of(tensor_of("w", sizes, 24))),
                 std::runtime_error);
  }
}

}  // namespace
}  // namespace skipzoo
