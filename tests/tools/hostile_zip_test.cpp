// Zips as an attacker, or a bad disk, would leave them.

#include <limits>

#include "tests/support/hostile.h"
#include "tests/support/pickle_text.h"
#include "tests/support/tensors.h"
#include "tests/support/zip.h"
#include "tools/data/random.h"

namespace skipzoo {
namespace {

using pickled::Tensor;
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

/// A pickle of {"w": tensor}.
std::string pickle_of(const Tensor& tensor) {
  return pickled::whole(
      pickled::dict({pickled::text("w"), pickled::tensor(tensor)}));
}

/// A zip as torch.save lays it out.
std::string archive(const std::string& pickle,
                    std::vector<ZipRecord> more = {}) {
  more.insert(more.begin(), {.name = "a/data.pkl", .data = pickle});
  return zip_of(more);
}

std::string archive(const Tensor& tensor) {
  return archive(pickle_of(tensor),
                 {{.name = "a/data/0", .data = std::string(16, '\0')}});
}

TEST(HostileZip, IsRefusedWithItsReason) {
  const ZipRecord four{.name = "a/data/0", .data = std::string(16, '\0')};
  const auto good = pickle_of({});
  EXPECT_EQ(error_of(archive(good, {four})), "no error");
  expect_refused(archive(good), "lacks its record data/0");
  expect_refused(zip_of({{.name = "a/other.pkl", .data = good}}),
                 "lacks its record data.pkl");
  ZipRecord packed = four;
  packed.method = 8;
  expect_refused(archive(good, {packed}), "is packed");
  expect_refused(zip_of({{.name = "a/data.pkl", .data = good, .method = 8}}),
                 "is packed");
  // Names that lead elsewhere name nothing here.
  for (const char* key : {"../../../../etc/passwd", "/etc/passwd", "..", ""}) {
    expect_refused(archive(pickle_of({.key = key}), {four}),
                   "lacks its record data/");
  }
}

TEST(HostileZip, ShapesThatReachOutOfTheirDataAreRefused) {
  expect_refused(archive(Tensor{.sizes = {5}}), "beyond its data");
  expect_refused(archive(Tensor{.offset = 1}), "beyond its data");
  expect_refused(archive(Tensor{.sizes = {2}, .strides = {kMost}}),
                 "exceed 64 bits");
  expect_refused(archive(Tensor{.sizes = {2}, .strides = {1 << 30}}),
                 "beyond its data");
  expect_refused(archive(Tensor{.sizes = {1 << 30, 1 << 30, 1 << 30},
                                .strides = {0, 0, 0}}),
                 "exceed 64 bits");
  expect_refused(archive(Tensor{.sizes = {-1}}), "no list of sizes");
  expect_refused(archive(Tensor{.strides = {-1}}), "no list of sizes");
  expect_refused(archive(Tensor{.sizes = {2, 2}}), "of other lengths");
  expect_refused(archive(Tensor{.length = 5, .sizes = {1}}), "expected 20");
}

// Offsets that overflow when they are added were read from elsewhere in the
// process's memory.
TEST(HostileZip, OffsetsThatOverflowAreRefused) {
  for (const int64_t part : {kMost, kMost - (1 << 20), kMost - 3}) {
    expect_refused(archive(Tensor{.offset = kMost, .part = part}),
                   "exceed 64 bits");
    EXPECT_NE(error_of(archive(Tensor{.offset = 1 << 20, .part = part})),
              "no error");
  }
  expect_refused(archive(Tensor{.length = kMost}), "exceed 64 bits");
}

// Integers beyond 64 bits were read as 0.
TEST(HostileZip, NumbersThatFit64BitsInNoWayAreNoSizes) {
  constexpr int64_t kOdd = 77'777;
  for (const std::string& large :
       {std::string("\x8a\x09\0\0\0\0\0\0\0\0\1", 11),
        std::string("L99999999999999999999L\n")}) {
    const auto with = [&](const Tensor& tensor) {
      auto pickle = pickle_of(tensor);
      const auto usual = pickled::integer(kOdd);
      const auto at = pickle.find(usual);
      EXPECT_NE(at, std::string::npos);
      pickle.replace(at, usual.size(), large);
      return archive(pickle,
                     {{.name = "a/data/0", .data = std::string(16, '\0')}});
    };
    expect_refused(with({.length = kOdd}), "not named by type, key and length");
    expect_refused(with({.offset = kOdd}), "an offset and a shape");
    expect_refused(with({.sizes = {kOdd}}), "no list of sizes");
    expect_refused(with({.strides = {kOdd}}), "no list of sizes");
    expect_refused(with({.part = kOdd}), "without an offset");
  }
}

TEST(HostileZip, AStorageIsNoLongerThanItSays) {
  expect_refused(archive(Tensor{.length = 3}), "beyond its data");
  expect_refused(archive(Tensor{.length = 0}), "beyond its data");
  EXPECT_EQ(error_of(archive(Tensor{.length = 3, .sizes = {3}})), "no error");
}

// Readers differ in which of two ends they follow, so both must say the same.
TEST(HostileZip, ASecondEndThatLeadsElsewhereIsRefused) {
  const auto bytes = archive(Tensor{});
  const auto end = bytes.rfind("PK\5\6");
  const auto stands_at = [&](size_t at) {
    uint64_t number = 0;
    for (size_t i = 4; i-- > 0;) {
      number = number << 8 | static_cast<uint8_t>(bytes[end + at + i]);
    }
    return number;
  };
  const auto with = [&](uint64_t records, uint64_t begin_more) {
    return bytes.substr(0, end) + "PK\6\6" + little_endian(44) +
           little_endian(45, 2) + little_endian(45, 2) + little_endian(0) +
           little_endian(records) + little_endian(records) +
           little_endian(stands_at(12)) +
           little_endian(stands_at(16) + begin_more) + "PK\6\7" +
           little_endian(0, 4) + little_endian(end) + little_endian(1, 4) +
           bytes.substr(end);
  };
  EXPECT_EQ(error_of(with(2, 0)), "no error");
  expect_refused(with(1, 0), "do not agree");
  expect_refused(with(2, 46), "do not agree");
  expect_refused(bytes + "PK\5\6" + std::string(16, '\0') + "\xff\xff",
                 "the note at its end");
}

// A part of a file that it names again and again is looked at once, and its
// long names are not copied without end.
TEST(HostileZip, PartsThatAreNamedAgainAndAgainTakeNoTime) {
  const auto many = [](int count, const std::string& text) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  const auto weights = "}(" + pickled::text("w.a") + pickled::tensor({});
  const auto long_text = std::string(900'000, 'k');
  const auto under_long_keys =
      weights + pickled::text(long_text) + "q\1}" + many(100'000, "h\1}") + "u";
  const auto long_types =
      "}" + pickled::text("model") + weights + pickled::text("k") + "q\1" +
      pickled::type(long_text, "x") + ")Rq\2" + many(20'000, "h\1h\2") + "us";
  const auto shared_lists = "}" + pickled::text("model") + weights +
                            pickled::text("k") + "q\1](" + many(20'000, "]") +
                            "eq\2" + many(50'000, "h\1]h\2a") + "us";
  const auto module =
      "}(" + pickled::text("a") + "q\1N" + many(50'000, "h\1N") + "u";
  const auto shared_modules = pickled::module(
      weights + pickled::text("k") + "q\1" + pickled::module(module) + "q\2" +
      many(50'000, "h\1h\2") + "u");
  TemporaryFolder folder;
  const PeakMemory peak;
  for (const auto& pickle :
       {under_long_keys, long_types, shared_lists, shared_modules}) {
    std::vector<ZipRecord> records = {
        {.name = "a/data/0", .data = std::string(16, '\0')}};
    if (pickle == shared_modules) {
      records.push_back(
          {.name = "a/constants.pkl", .data = pickled::whole(")")});
    }
    EXPECT_LT(read_all(folder.write("a.pth",
                                    archive(pickled::whole(pickle), records))),
              8);
  }
  EXPECT_LT(peak.megabytes(), 1000);
}

// 2,000 views of 24 bytes were written out as 80 GB.
TEST(HostileZip, ViewsThatRepeatTheirDataAreBoundedByTheFile) {
  std::vector<std::string> items;
  for (int i = 0; i < 2000; ++i) {
    items.push_back(pickled::text("w" + std::to_string(i)));
    items.push_back(pickled::tensor({.sizes = {10'000'000}, .strides = {0}}));
  }
  const auto four =
      std::vector<ZipRecord>{{.name = "a/data/0", .data = std::string(16, 0)}};
  expect_refused(archive(pickled::whole(pickled::dict(items)), four),
                 "repeat their data");
  // As Tensor.expand makes it: a bias for every row.
  EXPECT_EQ(
      error_of(archive(pickle_of({.sizes = {8, 4}, .strides = {0, 1}}), four)),
      "no error");
}

TEST(HostileZip, ListAndRecordsMustAgree) {
  const ZipRecord four{.name = "a/data/0", .data = std::string(16, '\0')};
  const auto with = [&](auto change) {
    ZipRecord changed = four;
    change(changed);
    return archive(pickle_of({}), {changed});
  };
  EXPECT_EQ(error_of(with([](ZipRecord& r) { r.has_zip64 = true; })),
            "no error");
  expect_refused(with([](ZipRecord& r) { r.crc_more = 1; }), "CRC-32");
  expect_refused(with([](ZipRecord& r) { r.local_size_more = 1; }),
                 "do not agree");
  expect_refused(with([](ZipRecord& r) { r.size_more = 1; }),
                 "reaches beyond the file");
  expect_refused(with([](ZipRecord& r) { r.size_more = uint64_t{1} << 30; }),
                 "reaches beyond the file");
  expect_refused(with([](ZipRecord& r) { r.offset_more = 1; }),
                 "where that is not");
  expect_refused(with([](ZipRecord& r) {
                   r.has_zip64 = true;
                   r.offset_more = uint64_t{1} << 62;
                 }),
                 "beyond its end");
  expect_refused(with([](ZipRecord& r) { r.flags = 1; }), "a password");
  expect_refused(archive(pickle_of({}), {four, four}), "twice");
  for (const ZipEnd& end :
       {ZipEnd{.records_more = 1}, ZipEnd{.size_more = 1 << 20},
        ZipEnd{.offset_more = 1 << 20}, ZipEnd{.records_more = 0xFFFD}}) {
    expect_refused(zip_of({{.name = "a/data.pkl", .data = "N."}}, end),
                   "damaged zip");
  }
}

// What torch.save writes where its user has turned CRC-32 off.
TEST(HostileZip, ArchivesWithoutAnySumsAreRead) {
  ZipRecord pickle{.name = "a/data.pkl", .data = pickle_of({})};
  ZipRecord four{.name = "a/data/0", .data = std::string(16, 'x')};
  for (auto* record : {&pickle, &four}) {
    record->crc_more = -crc32_of(record->data);
  }
  EXPECT_EQ(error_of(zip_of({pickle, four})), "no error");
}

// In 488 of 1,516 such files the numbers were others, without a word.
TEST(HostileZip, AFlippedBitChangesNoNumberInSilence) {
  TemporaryFolder folder;
  Random random(17);
  for (const char* name : {"training.pth", "types.pth", "script.pt"}) {
    const auto good = read_text(kWeightFiles / name);
    const auto right = read_weight_file(kWeightFiles / name).tensors;
    for (int i = 0; i < 400; ++i) {
      auto bytes = good;
      bytes[static_cast<size_t>(
          random.below(static_cast<int64_t>(good.size())))] ^=
          static_cast<char>(1 << random.below(8));
      try {
        const auto read =
            read_weight_file(folder.write("flipped", bytes)).tensors;
        ASSERT_EQ(read.size(), right.size());
        for (size_t t = 0; t < read.size(); ++t) {
          EXPECT_EQ(read[t].first, right[t].first);
          EXPECT_TRUE(torch::equal(read[t].second, right[t].second));
        }
      } catch (const FileError&) {
      }
    }
  }
}

TEST(HostileZip, BigEndianNumbersAreTurned) {
  const std::string numbers("\x3f\x80\0\0\x40\0\0\0\xc0\x40\0\0\0\0\0\0", 16);
  const auto bytes =
      archive(pickle_of({}), {{.name = "a/data/0", .data = numbers},
                              {.name = "a/byteorder", .data = "big"}});
  TemporaryFolder folder;
  const auto file = read_weight_file(folder.write("be.pth", bytes));
  EXPECT_TRUE(torch::equal(file.tensors.front().second,
                           torch::tensor({1.f, 2.f, -3.f, 0.f})));
  expect_refused(archive(pickle_of({}), {{.name = "a/data/0", .data = numbers},
                                         {.name = "a/byteorder", .data = "?"}}),
                 "neither big nor little");
}

TEST(HostileZip, NegativeAndConjugateViewsHaveTheirTrueNumbers) {
  TemporaryFolder folder;
  const auto read = [&](const Tensor& tensor) {
    const auto bytes =
        archive(pickle_of(tensor), {{.name = "a/data/0", .data = kOneToFour}});
    return read_weight_file(folder.write("a.pth", bytes))
        .tensors.front()
        .second;
  };
  const auto bit = [](const char* name) {
    return pickled::dict({pickled::text(name), "\x88"});
  };
  EXPECT_TRUE(torch::equal(read({.metadata = bit("neg")}),
                           torch::tensor({-1.f, -2.f, -3.f, -4.f})));
  const auto conjugate = read({.storage = "ComplexFloatStorage",
                               .length = 2,
                               .sizes = {2},
                               .metadata = bit("conj")});
  EXPECT_TRUE(torch::equal(torch::view_as_real(conjugate),
                           torch::tensor({1.f, -2.f, 3.f, -4.f}).view({2, 2})));
}

TEST(HostileZip, ANameThatIsNoUtf8IsRefusedInWords) {
  const auto pickle = pickled::whole(
      pickled::dict({pickled::text("\xff"), pickled::tensor({})}));
  expect_refused(
      archive(pickle, {{.name = "a/data/0", .data = std::string(16, 0)}}),
      "no UTF-8: \\xff");
}

TEST(HostileZip, SharedModulesAreNotWalkedForEver) {
  TemporaryFolder folder;
  const auto path = folder.write(
      "hang.pt",
      archive(pickled::whole(pickled::shared_modules()),
              {{.name = "a/constants.pkl", .data = pickled::whole(")")}}));
  const double start = computing_seconds();
  expect_says(error_of(path), "modules nested too deeply");
  EXPECT_LT(computing_seconds() - start, 4);
}

}  // namespace
}  // namespace skipzoo
