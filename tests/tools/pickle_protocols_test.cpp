// Weights in pickles of the protocols 3 to 5, as torch.save(pickle_protocol=5)
// writes them, with what trainings keep beside: numbers of numpy, objects,
// bytes.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/python_pickler.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/weight_files.h"
#include "tests/support/zip.h"
#include "tools/weights/pickle.h"

namespace skipzoo {
namespace {

using std::string_literals::operator""s;

/// 0.5 as a double.
const std::string kHalf("\0\0\0\0\0\0\xe0\x3f", 8);

/// A file of weights, of parts in Python's order.
class Pickler : public PythonPickler {
 public:
  explicit Pickler(int protocol, bool legacy = false)
      : PythonPickler(protocol), legacy_(legacy) {}

  void tuple_of(int64_t one) {
    integer(one);
    put("\x85");
    memoize();
  }
  void call(const char* arguments_end) {
    put(arguments_end);
    memoize();
    put("R");
    memoize();
  }
  /// So many of the storage's four numbers.
  void tensor(int64_t offset, int64_t count) {
    type("torch._utils", "_rebuild_tensor_v2");
    put("((");
    text("storage");
    type("torch", "FloatStorage");
    text("0");
    text("cpu");
    integer(4);
    put(legacy_ ? "Nt" : "t");
    memoize();
    put("Q");
    integer(offset);
    tuple_of(count);
    tuple_of(1);
    put("\x89");
    type("collections", "OrderedDict");
    put(")R");
    memoize();
    call("t");
  }
  void parameter(int64_t offset, int64_t count) {
    type("torch._utils", "_rebuild_parameter");
    tensor(offset, count);
    put("\x88");
    type("collections", "OrderedDict");
    put(")R");
    memoize();
    call("\x87");
  }
  void numpy_type() {
    type("numpy", "dtype");
    text("f8");
    put("\x89\x88");
    call("\x87");
    put("(");
    integer(3);
    text("<");
    put("NNN");
    integer(-1);
    integer(-1);
    integer(0);
    put("t");
    memoize();
    put("b");
  }
  void numpy_scalar() {
    type("numpy._core.multiarray", "scalar");
    numpy_type();
    bytes(kHalf);
    call("\x86");
  }
  void numpy_array() {
    if (protocol() >= 5) {
      type("numpy._core.numeric", "_frombuffer");
      put("(");
      byte_array(kHalf);
      numpy_type();
      tuple_of(1);
      text("C");
      return call("t");
    }
    type("numpy._core.multiarray", "_reconstruct");
    type("numpy", "ndarray");
    tuple_of(0);
    bytes("b");
    call("\x87");
    put("(");
    integer(1);
    tuple_of(1);
    numpy_type();
    put("\x89");
    bytes(kHalf);
    put("t");
    memoize();
    put("b");
  }
  void object() {
    type("argparse", "Namespace");
    put(")\x81");
    memoize();
    put("}");
    memoize();
    text("lr");
    put("G" + std::string(kHalf.rbegin(), kHalf.rend()) + "sb");
  }

 private:
  bool legacy_;
};

/// {"best": …, "state_dict": OrderedDict(…), …}
std::string training(int protocol, bool legacy) {
  Pickler p(protocol, legacy);
  p.put("}");
  p.memoize();
  p.put("(");
  p.text("best");
  p.numpy_scalar();
  p.text("args");
  p.object();
  p.text("state_dict");
  p.type("collections", "OrderedDict");
  p.put(")R");
  p.memoize();
  p.put("(");
  p.text("conv.weight");
  p.tensor(0, 4);
  p.text("fc.weight");
  p.parameter(1, 2);
  p.text("fc.scale");
  p.numpy_scalar();
  p.put("u");
  p.text("raw");
  p.bytes("a\0b"s);
  // Longer than a frame: it stands outside of any.
  p.text("log");
  p.put_unframed("B" + little_endian(70'000, 4) + std::string(70'000, '.'));
  p.memoize();
  p.text("buffer");
  p.byte_array("state_dict");
  p.text("history");
  p.numpy_array();
  p.text("epoch");
  p.integer(300);
  p.put("u");
  return p.whole();
}

std::string zip_file(int protocol) {
  return zip_of({{.name = "a/data.pkl", .data = training(protocol, false)},
                 {.name = "a/byteorder", .data = "little"},
                 {.name = "a/data/0", .data = kOneToFour},
                 {.name = "a/version", .data = "3\n"}});
}

std::string legacy_file(int protocol) {
  Pickler magic(protocol), version(protocol), system(protocol), keys(protocol);
  magic.put("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
  version.integer(1001);
  system.put("}");
  system.memoize();
  system.text("little_endian");
  system.put("\x88s");
  keys.put("]");
  keys.memoize();
  keys.text("0");
  keys.put("a");
  return magic.whole() + version.whole() + system.whole() +
         training(protocol, true) + keys.whole() + little_endian(4) +
         kOneToFour;
}

class PickleProtocol : public testing::TestWithParam<int> {};

TEST_P(PickleProtocol, GivesTheSameWeightsInBothContainers) {
  TemporaryFolder folder;
  for (const auto& [bytes, kind] :
       {std::pair(zip_file(GetParam()), WeightKind::kTorchZip),
        std::pair(legacy_file(GetParam()), WeightKind::kTorchLegacy)}) {
    SCOPED_TRACE(kind_text(kind));
    const auto file = read_weight_file(folder.write("a.pth", bytes));
    EXPECT_EQ(file.kind, kind);
    EXPECT_EQ(file.wrapper, "state_dict");
    ASSERT_EQ(file.tensors.size(), 2u);
    EXPECT_EQ(file.tensors[0].first, "conv.weight");
    EXPECT_TRUE(torch::equal(file.tensors[0].second,
                             torch::tensor({1.f, 2.f, 3.f, 4.f})));
    EXPECT_EQ(file.tensors[1].first, "fc.weight");
    EXPECT_TRUE(
        torch::equal(file.tensors[1].second, torch::tensor({2.f, 3.f})));
    EXPECT_EQ(text_of(file.left_out),
              "left out: 1 (fc.scale: an object of type "
              "numpy._core.multiarray.scalar)");
  }
}

TEST_P(PickleProtocol, CutShortAnywhereIsRefused) {
  const auto whole = training(GetParam(), false);
  for (size_t size = 0; size < whole.size(); size += size < 1500 ? 1 : 997) {
    const std::vector<uint8_t> bytes(
        whole.begin(), whole.begin() + static_cast<int64_t>(size));
    EXPECT_ANY_THROW(PickleReader(std::span(bytes)).read()) << size;
  }
}

TEST_P(PickleProtocol, HasTheNumbersAndTextsThatWereWritten) {
  Pickler p(GetParam());
  const std::pair<const char*, int64_t> numbers[] = {
      {"zero", 0},
      {"byte", 255},
      {"two", 65'535},
      {"four", 1 << 30},
      {"negative", -2},
      {"eight", int64_t{1} << 40},
      {"least", std::numeric_limits<int64_t>::min()}};
  p.put("}");
  p.memoize();
  p.put("(");
  for (const auto& [name, number] : numbers) {
    p.text(name);
    p.integer(number);
  }
  p.text("beyond");
  p.put("\x8a\x09" + little_endian(0) + "\x40");  // 2^70
  p.text("half");
  p.put("G" + std::string(kHalf.rbegin(), kHalf.rend()));
  p.text("bytes");
  p.bytes("a\0b"s);
  p.text("array");
  p.byte_array("a\0b"s);
  p.text("long");
  p.text(std::string(300, 'x'));
  p.text("again");
  p.text("bytes");  // From the memo.
  p.put("u");
  const auto pickle = p.whole();
  const std::vector<uint8_t> bytes(pickle.begin(), pickle.end());
  PickleReader reader{std::span(bytes)};
  const Pickle& read = reader.read();
  const auto at = [&](const char* key) -> const Pickle& {
    return *read.find(key);
  };

  for (const auto& [name, number] : numbers) {
    EXPECT_EQ(at(name).kind, Pickle::Kind::kInteger) << name;
    EXPECT_EQ(at(name).integer, number) << name;
  }
  EXPECT_EQ(at("beyond").kind, Pickle::Kind::kNumber);
  EXPECT_TRUE(std::isinf(at("beyond").number));
  EXPECT_EQ(at("half").number, 0.5);
  EXPECT_EQ(at("bytes").text, "a\0b"s);
  EXPECT_EQ(at("array").text, GetParam() >= 5 ? "a\0b"s : "builtins.bytearray");
  EXPECT_EQ(at("long").text, std::string(300, 'x'));
  EXPECT_EQ(at("again").text, "bytes");
}

INSTANTIATE_TEST_SUITE_P(Protocols, PickleProtocol, testing::Values(3, 4, 5));

}  // namespace
}  // namespace skipzoo
