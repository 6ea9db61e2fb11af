// Weight files as an attacker would send them: each is read or refused with a
// FileError, within 2 s and 1 GB, never a crash. Built with AddressSanitizer
// and UndefinedBehaviorSanitizer, the readers with it.

#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>

#include "tests/support/temporary_folder.h"
#include "tools/data/random.h"
#include "tools/error.h"
#include "tools/weights/pickle.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {
namespace {

using std::string_literals::operator""s;

const std::filesystem::path kFiles =
    std::filesystem::path(SKIPZOO_GOLDENS) / "weights";

/// The most memory this process ever had, in MB; the sanitizers' own included.
int64_t peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

/// What LibTorch takes before anything is read: a CUDA one most of a gigabyte.
const int64_t kMegabytesAtStart = peak_megabytes();

/// Reads a file and looks at every number in it; how long that took, in s.
double read_all(const std::filesystem::path& path) {
  const auto start = std::chrono::steady_clock::now();
  try {
    for (const auto& [name, tensor] : read_weight_file(path).tensors) {
      tensor.to(torch::kDouble).sum().item<double>();
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
  EXPECT_LT(peak_megabytes() - kMegabytesAtStart, 1000);
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

/// A zip with these records, each packed or not, as torch.save lays them out.
struct Record {
  std::string name;
  std::string data;
  bool packed = false;
};
std::string zip(const std::vector<Record>& records) {
  std::string bytes;
  caffe2::serialize::PyTorchStreamWriter writer(
      [&](const void* data, size_t size) {
        bytes.append(static_cast<const char*>(data), size);
        return size;
      });
  for (const auto& record : records) {
    writer.writeRecord(record.name, record.data.data(), record.data.size(),
                       record.packed);
  }
  writer.writeEndOfFile();
  return bytes;
}

/// {"w": a float tensor of `shape`, in storage "0"}, in pickle's protocol 2.
std::string pickled_tensor(const std::string& shape,
                           const std::string& stride = "(K\x01t"s,
                           const std::string& key = "0") {
  const auto text = [](const std::string& s) {
    return std::string("X") + static_cast<char>(s.size()) +
           std::string(3, '\0') + s;
  };
  return "\x80\x02}" + text("w") + "ctorch._utils\n_rebuild_tensor_v2\n((" +
         text("storage") + "ctorch\nFloatStorage\n" + text(key) + text("cpu") +
         "K\x04tQK\x00"s + shape + stride +
         "\x89"
         "ccollections\nOrderedDict\n)RtRs.";
}

TEST(HostileZip, IsRefusedWithItsReason) {
  const std::string four(16, '\0');
  const auto good = pickled_tensor("(K\x04t"s);
  EXPECT_EQ(error_of(zip({{"data.pkl", good}, {"data/0", four}})), "no error");
  expect_refused(zip({{"data.pkl", good}}), "lacks its record data/0");
  expect_refused(zip({{"other.pkl", good}}), "lacks its record data.pkl");
  // A bomb: 200 MB of zeros in 200 kB. And small ones, packed all the same.
  expect_refused(zip({{"data.pkl", good},
                      {"data/0", std::string(200'000'000, '\0'), true}}),
                 "is packed");
  expect_refused(
      zip({{"data.pkl", std::string(10'000, 'N'), true}, {"data/0", four}}),
      "is packed");
  // Names that lead elsewhere name nothing here.
  for (const char* key : {"../../../../etc/passwd", "/etc/passwd", "..", ""}) {
    expect_refused(
        zip({{"data.pkl", pickled_tensor("(K\x04t"s, "(K\x01t"s, key)},
             {"data/0", four}}),
        "lacks its record data/");
  }
}

TEST(HostileZip, AbsurdShapesAreRefused) {
  const std::string four(16, '\0');
  const auto refused = [&](const std::string& shape, const std::string& stride,
                           const std::string& words) {
    expect_refused(
        zip({{"data.pkl", pickled_tensor(shape, stride)}, {"data/0", four}}),
        words);
  };
  refused("(K\x05t"s, "(K\x01t"s, "beyond its data");
  refused("(J\xff\xff\xff\x7ft"s, "(K\x00t"s, "absurd size");
  refused("(J\xff\xff\xff\x7fJ\xff\xff\xff\x7fJ\xff\xff\xff\x7ft"s,
          "(K\x00K\x00K\x00t"s, "absurd size");
  refused("(J\xff\xff\xff\xfft"s, "(K\x01t"s, "no list of sizes");  // -1
  refused("(K\x02t"s, "(J\xff\xff\xff\xfft"s, "no list of sizes");  // backwards
  refused("(K\x02K\x02t"s, "(K\x01t"s, "of other lengths");         // no stride
  refused("(K\x02t"s, "(J\xff\xff\xff\x7ft"s, "beyond its data");
}

// Zips that are whole, their pickles mutated: what mutating all bytes of a zip
// rarely reaches, for it mostly breaks the zip.
TEST(HostileZip, MutatedPicklesAreReadOrRefused) {
  TemporaryFolder folder;
  Random random(13);
  const auto good = pickled_tensor("(K\x02K\x02t"s, "(K\x02K\x01t"s);
  double longest = 0;
  for (int i = 0; i < 400; ++i) {
    auto pickle = good;
    for (int64_t j = 0; j <= random.below(4); ++j) {
      pickle[static_cast<size_t>(
          random.below(static_cast<int64_t>(pickle.size())))] =
          static_cast<char>(random.next());
    }
    longest = std::max(
        longest, read_all(folder.write(
                     "hostile", zip({{"data.pkl", pickle},
                                     {"data/0", std::string(16, '\1')}}))));
  }
  EXPECT_LT(longest, 2);
  EXPECT_LT(peak_megabytes() - kMegabytesAtStart, 1000);
}

}  // namespace
}  // namespace skipzoo
