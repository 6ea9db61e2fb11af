// Pickles as an attacker would write them: nothing in them runs, and what they
// make is bounded by their bytes.

#include "tests/support/hostile.h"
#include "tests/support/pickle_text.h"
#include "tools/weights/pickle.h"

namespace skipzoo {
namespace {

using std::string_literals::operator""s;

std::string message_of(const std::string& pickle) {
  const std::vector<uint8_t> bytes(pickle.begin(), pickle.end());
  try {
    PickleReader(std::span(bytes)).read();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(HostilePickle, RunsNothingAndMakesOnlyInertThings) {
  // The classic: os.system("…") by REDUCE. Here it is a named nothing.
  const std::string classic = std::string("cos\nsystem\n(S'touch pwned'\ntR.");
  const std::vector<uint8_t> bytes(classic.begin(), classic.end());
  PickleReader reader{std::span(bytes)};
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
  EXPECT_NE(message_of("Nr\xff\xff\xff\x7f.").find("absurd number"),
            std::string::npos);
  // A list that holds itself, and one nested a hundred thousand deep.
  EXPECT_EQ(message_of("]q\x01h\x01"
                       "a."),
            "no error");
  EXPECT_EQ(
      message_of(std::string(100'000, ']') + std::string(99'999, 'a') + "."),
      "no error");
}

TEST(HostilePickle, MakesNoMoreThanItsBytesAllow) {
  // Small values may come by millions.
  EXPECT_EQ(message_of("](" + std::string(3'000'000, 'N') + "e."), "no error");
  std::string numbers = "](";
  for (int i = 0; i < 1'000'000; ++i) numbers += "G" + std::string(8, '\1');
  EXPECT_EQ(message_of(numbers + "e."), "no error");
  const auto refused = [](const std::string& pickle) {
    EXPECT_NE(message_of(pickle).find("far more of its bytes"),
              std::string::npos)
        << message_of(pickle);
  };
  refused(std::string(5'000'000, ']'));
  // A long text that becomes part of names over and over.
  std::string names = pickled::text(std::string(60'000, 'a')) + "q\1";
  for (int i = 0; i < 100'000; ++i) names += "h\1h\1\x93";
  refused(names);
  // A long list that is copied over and over.
  std::string copies = "](" + std::string(100'000, 'N') + "e\x85q\1";
  copies += "ctorch\nSize\nq\2";
  for (int i = 0; i < 100'000; ++i) copies += "h\2h\1R";
  refused(copies);
}

TEST(HostilePickle, ALongTextIsPassedOver) {
  const std::string pickle = pickled::whole("X" + little_endian(3 << 20, 4) +
                                            std::string(3 << 20, 'a'));
  const std::vector<uint8_t> bytes(pickle.begin(), pickle.end());
  PickleReader reader{std::span(bytes)};
  const Pickle& value = reader.read();
  EXPECT_EQ(value.kind, Pickle::Kind::kOpaque);
  EXPECT_LT(value.text.size(), 100u);
}

}  // namespace
}  // namespace skipzoo
