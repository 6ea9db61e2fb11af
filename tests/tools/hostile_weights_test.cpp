// Weight files as an attacker would send them: each is read or refused with a
// FileError, never a crash. Run under sanitizers too (README).

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/temporary_folder.h"
#include "tools/data/random.h"
#include "tools/error.h"
#include "tools/weights/pickle.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {
namespace {

const std::filesystem::path kFiles =
    std::filesystem::path(SKIPZOO_GOLDENS) / "weights";

/// Reads a file and looks at every number in it; how long that took, in s.
double read_all(const std::filesystem::path& path) {
  const auto start = std::chrono::steady_clock::now();
  try {
    for (const auto& [name, tensor] : read_weight_file(path).tensors) {
      // A view that repeats its data may be of any size; its corners tell.
      if (tensor.numel() > 0 && tensor.numel() < 1'000'000) {
        tensor.to(torch::kDouble).sum().item<double>();
      }
    }
  } catch (const FileError& error) {
    EXPECT_NE(std::string(error.what()).find(": "), std::string::npos);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

class Mutated : public testing::TestWithParam<const char*> {};

TEST_P(Mutated, IsReadOrRefused) {
  TemporaryFolder folder;
  const auto good = read_text(kFiles / GetParam());
  Random random(11);
  double longest = 0;
  for (int i = 0; i < 120; ++i) {
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
}

INSTANTIATE_TEST_SUITE_P(Files, Mutated,
                         testing::Values("training.pth", "training.th",
                                         "views.pth", "views.th", "types.th",
                                         "plain.safetensors", "script.pt"));

std::string little_endian(uint64_t value) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string safetensors(const std::string& header, size_t data = 16) {
  return little_endian(header.size()) + header + std::string(data, 'x');
}

std::string error_of(const std::string& bytes) {
  TemporaryFolder folder;
  try {
    read_weight_file(folder.write("hostile", bytes));
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

void expect_refused(const std::string& bytes, const std::string& words) {
  const auto error = error_of(bytes);
  EXPECT_NE(error.find(words), std::string::npos) << error;
}

TEST(HostileSafetensors, IsRefusedWithItsReason) {
  const auto entry = [](const std::string& shape, const std::string& offsets) {
    return "{\"a\":{\"dtype\":\"F32\",\"shape\":" + shape +
           ",\"data_offsets\":" + offsets + "}}";
  };
  EXPECT_EQ(error_of(safetensors(entry("[4]", "[0,16]"))), "no error");
  expect_refused(safetensors(entry("[4]", "[0,32]")), "beyond the file");
  expect_refused(safetensors(entry("[4]", "[16,0]")), "beyond the file");
  expect_refused(safetensors(entry("[5]", "[0,16]")), "does not fit");
  expect_refused(safetensors(entry("[-4]", "[0,16]")), "below zero");
  expect_refused(safetensors(entry("[4611686018427387905,4]", "[0,16]")),
                 "does not fit");
  expect_refused(safetensors(entry("[0,4611686018427387905,9]", "[0,0]")),
                 "absurd");
  expect_refused(safetensors(entry("\"four\"", "[0,16]")), "damaged entry");
  expect_refused(
      safetensors(
          "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"
          "},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,"
          "12]}}"),
      "overlap");
  expect_refused(safetensors("{" + std::string(100'000, '[')), "JSON");
  expect_refused(little_endian(1 << 20) + "{}", "beyond the file");
  expect_refused("{\"weight_map\": {\"a\": \"../../etc/passwd\"}}",
                 "no file beside it");
}

std::string message_of(const std::string& pickle) {
  const std::vector<uint8_t> bytes(pickle.begin(), pickle.end());
  try {
    PickleReader(bytes).read();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(HostilePickle, RunsNothingAndMakesOnlyInertThings) {
  // The classic: os.system("…") by REDUCE. Here it is a named nothing.
  const std::string classic = std::string("cos\nsystem\n(S'touch pwned'\ntR.");
  const std::vector<uint8_t> bytes(classic.begin(), classic.end());
  PickleReader reader(bytes);
  const Pickle& value = reader.read();
  EXPECT_EQ(value.kind, Pickle::Kind::kOpaque);
  EXPECT_EQ(value.text, "os.system");
  EXPECT_FALSE(std::filesystem::exists("pwned"));
}

TEST(HostilePickle, IsRefusedWithItsReason) {
  EXPECT_NE(message_of("").find("ends too early"), std::string::npos);
  EXPECT_NE(message_of(".").find("a value is missing"), std::string::npos);
  EXPECT_NE(message_of("t.").find("a mark is missing"), std::string::npos);
  EXPECT_NE(message_of("h\x07.").find("never stored"), std::string::npos);
  EXPECT_NE(message_of("\x82\x01.").find("opcode 130"), std::string::npos);
  EXPECT_NE(message_of("X\xff\xff\xff\x7f.").find("ends too early"),
            std::string::npos);
  EXPECT_NE(message_of(std::string(2'000'000, 'N')).find("more values"),
            std::string::npos);
  // A list that holds itself, and one nested a hundred thousand deep.
  EXPECT_EQ(message_of("]q\x01h\x01"
                       "a."),
            "no error");
  EXPECT_EQ(
      message_of(std::string(100'000, ']') + std::string(99'999, 'a') + "."),
      "no error");
}

}  // namespace
}  // namespace skipzoo
