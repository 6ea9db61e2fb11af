#include "tools/report/event_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class Files : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

/// A record as TensorFlow's format says, its checksums left aside.
struct Event {
  double wall_time = 0;
  uint64_t step = 0;
  std::string version;
  std::vector<std::pair<std::string, float>> values;
};

template <typename Number>
Number take(std::string_view& bytes) {
  Number number;
  std::memcpy(&number, bytes.data(), sizeof(Number));
  bytes.remove_prefix(sizeof(Number));
  return number;
}

uint64_t take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = take<uint8_t>(bytes);
    value |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) {
      return value;
    }
  }
}

std::string_view take_bytes(std::string_view& bytes, size_t size) {
  const auto front = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return front;
}

Event decode(std::string_view bytes) {
  Event event;
  while (!bytes.empty()) {
    switch (const auto key = take<uint8_t>(bytes)) {
      case 0x09:
        event.wall_time = take<double>(bytes);
        break;
      case 0x10:
        event.step = take_varint(bytes);
        break;
      case 0x1a:
        event.version = take_bytes(bytes, take_varint(bytes));
        break;
      case 0x2a: {
        auto summary = take_bytes(bytes, take_varint(bytes));
        while (!summary.empty()) {
          EXPECT_EQ(take<uint8_t>(summary), 0x0a);
          auto value = take_bytes(summary, take_varint(summary));
          EXPECT_EQ(take<uint8_t>(value), 0x0a);
          const std::string tag(take_bytes(value, take_varint(value)));
          EXPECT_EQ(take<uint8_t>(value), 0x15);
          event.values.emplace_back(tag, take<float>(value));
        }
        break;
      }
      default:
        ADD_FAILURE() << "unexpected key " << int{key};
        return event;
    }
  }
  return event;
}

std::vector<Event> decode_file(const std::string& content) {
  std::string_view bytes = content;
  std::vector<Event> events;
  while (!bytes.empty()) {
    const auto length = take<uint64_t>(bytes);
    take<uint32_t>(bytes);
    events.push_back(decode(take_bytes(bytes, length)));
    take<uint32_t>(bytes);
  }
  return events;
}

TEST(Crc32c, MatchesThePublishedVectors) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
}

using Events = Files;

TEST_F(Events, RecordsHoldWhatWasWritten) {
  const auto file = folder_ / "events.out.tfevents.1";
  const int64_t late = int64_t{1} << 40;
  EventFile log(file);
  log.scalars(3, {{"loss/train", 0.5}, {"lr", 0.1}}, 1700000000.25);
  log.scalars(late, {{std::string(300, 'x'), kNan}}, 1700000001);

  // Read while the log is open: every call flushes.
  const auto events = decode_file(read_text(file));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].version, "brain.Event:2");
  EXPECT_GT(events[0].wall_time, 1.6e9);
  EXPECT_EQ(events[1].wall_time, 1700000000.25);
  EXPECT_EQ(events[1].step, 3U);
  ASSERT_EQ(events[1].values.size(), 2U);
  EXPECT_EQ(events[1].values[0], std::pair(std::string("loss/train"), 0.5F));
  EXPECT_EQ(events[1].values[1], std::pair(std::string("lr"), 0.1F));
  EXPECT_EQ(events[2].step, static_cast<uint64_t>(late));
  EXPECT_EQ(events[2].values[0].first.size(), 300U);
  EXPECT_TRUE(std::isnan(events[2].values[0].second));
}

TEST_F(Events, FramingIsThatOfTFRecord) {
  const auto file = folder_ / "events.out.tfevents.1";
  EventFile log(file);
  const auto bytes = read_text(file);
  // time 9 + version 2 + 13 bytes, and 16 of framing.
  ASSERT_EQ(bytes.size(), 40U);
  const auto masked = [](std::string_view part) {
    const uint32_t crc = crc32c(part);
    return (crc >> 15 | crc << 17) + 0xa282ead8U;
  };
  std::string_view rest = bytes;
  EXPECT_EQ(take<uint64_t>(rest), 24U);
  EXPECT_EQ(take<uint32_t>(rest), masked(bytes.substr(0, 8)));
  EXPECT_EQ(take_bytes(rest, 24).substr(9),
            "\x1a\x0d"
            "brain.Event:2");
  EXPECT_EQ(take<uint32_t>(rest), masked(bytes.substr(12, 24)));
}

TEST_F(Events, ReopeningAppends) {
  const auto file = folder_ / "events.out.tfevents.1";
  for (int64_t step = 1; step <= 3; ++step) {
    EventFile(file).scalars(step, {{"lr", 0.1}}, 1);
  }
  const auto events = decode_file(read_text(file));
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[3].step, 3U);
}

TEST_F(Events, CutKeepsWhatIsUpToTheStep) {
  const auto file = folder_ / "events.out.tfevents.1";
  EventFile log(file);
  for (const int64_t step : {1, 2, 3, 4}) {
    log.scalars(step, {{"lr", 0.1}}, 1);
  }
  cut_events_after(file, 9);
  EXPECT_EQ(decode_file(read_text(file)).size(), 5U);
  cut_events_after(file, 2);
  const auto events = decode_file(read_text(file));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events.back().step, 2U);
  cut_events_after(file, -1);
  EXPECT_EQ(decode_file(read_text(file)).size(), 1U);  // The version record.
}

TEST_F(Events, DamagedTailIsCutOffBeforeAppending) {
  const auto file = folder_ / "events.out.tfevents.1";
  EventFile(file).scalars(1, {{"lr", 0.1}}, 1);
  const auto good = read_text(file);
  EventFile(file).scalars(2, {{"lr", 0.1}}, 1);
  const auto all = read_text(file);

  for (size_t size = good.size(); size < all.size(); ++size) {
    folder_.write(file.filename().string(),
                  std::string_view(all).substr(0, size));
    cut_events_after(file, 100);
    ASSERT_EQ(read_text(file), good) << size;
  }
  for (size_t at = good.size(); at < all.size(); ++at) {
    auto flipped = all;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    folder_.write(file.filename().string(), flipped);
    EventFile(file).scalars(2, {{"lr", 0.1}}, 1);
    ASSERT_EQ(read_text(file), all) << at;
  }
}

TEST_F(Events, FileOfSomethingElseIsNotTouched) {
  const auto file = folder_.write("notes.txt", "this is no event file, is it?");
  const auto error = words_of_error([&] { EventFile log(file); });
  EXPECT_NE(error.find("notes.txt: does not start as"), error.npos) << error;
  EXPECT_EQ(read_text(file), "this is no event file, is it?");
}

TEST_F(Events, FailuresNameTheFile) {
  const auto missing = folder_ / "none" / "events.out.tfevents.1";
  cut_events_after(missing, 1);  // There is nothing to cut.
  const auto error = words_of_error([&] { EventFile log(missing); });
  EXPECT_EQ(error.find(missing.string() + ": cannot be written: "), 0U)
      << error;
}

}  // namespace
}  // namespace skipzoo
