#include "tools/data/text.h"

#include <gtest/gtest.h>

#include "tools/utf8.h"

namespace skipzoo {
namespace {

// Names in the two forms, by Python's unicodedata.normalize.
const std::string kCafeNfc = "caf\xC3\xA9", kCafeNfd = "cafe\xCC\x81";
const std::string kHangulNfc = "\xED\x95\x9C",  // 한
    kHangulNfd = "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB";
const std::string kKanaNfc = "\xE3\x81\x8C",  // が
    kKanaNfd = "\xE3\x81\x8B\xE3\x82\x99";
const std::string kTwoMarksNfc = "\xE1\xBA\xBF",  // ế
    kTwoMarksNfd = "e\xCC\x82\xCC\x81";

TEST(Text, KnowsNamesThatDifferInTheirUnicodeFormAlone) {
  EXPECT_TRUE(look_alike(kCafeNfc, kCafeNfd));
  EXPECT_TRUE(look_alike(kCafeNfd, kCafeNfc));
  EXPECT_TRUE(look_alike(kHangulNfc, kHangulNfd));
  EXPECT_TRUE(look_alike(kKanaNfc, kKanaNfd));
  EXPECT_TRUE(look_alike(kTwoMarksNfc, kTwoMarksNfd));
  EXPECT_FALSE(look_alike("cafe", kCafeNfd));
  EXPECT_FALSE(look_alike("cafe", kCafeNfc));
  EXPECT_FALSE(look_alike("bee", "Bee"));
  EXPECT_FALSE(look_alike("bee", "bee "));
  EXPECT_FALSE(look_alike(kHangulNfc, kKanaNfc));
  EXPECT_FALSE(look_alike("\xE4", kCafeNfd));  // Not UTF-8.
}

TEST(Text, ListsInWhatNamesDiffer) {
  EXPECT_EQ(difference({"a", "b"}, "x", {"a", "b"}, "y"), "");
  EXPECT_EQ(difference({"a", "bee"}, "x", {"a", "Bee", "bee "}, "y"),
            "only in x: 'bee'; only in y: 'Bee', 'bee '");
  const auto text = difference({kCafeNfc}, "x", {kCafeNfd}, "y");
  EXPECT_NE(text.find("two Unicode forms, NFC in x, NFD in y"),
            std::string::npos)
      << text;
}

// Thousands of classes of another data set end in moments, and in one line.
TEST(Text, ListsThousandsOfDifferencesBriefly) {
  std::vector<std::string> a, b;
  for (int i = 0; i < 20'000; ++i) {
    a.push_back("n" + std::to_string(i));
    b.push_back("m" + std::to_string(i));
  }
  for (int i = 0; i < 100; ++i) {
    a.push_back(kCafeNfc + std::to_string(i));
    b.push_back(kCafeNfd + std::to_string(i));
  }
  const auto text = difference(a, "x", b, "y");
  EXPECT_LT(text.size(), 1000u) << text;
  EXPECT_NE(text.find("NFC in x, NFD in y"), std::string::npos) << text;
}

TEST(Text, ReadsUtf16WithAndWithoutAMark) {
  const std::string plain = "d/\xC3\xBC \xF0\x9F\x98\x80.png\n";
  const std::u16string units = u"d/\u00FC \U0001F600.png\n";
  std::string little, big;
  for (const char16_t unit : units) {
    little += {static_cast<char>(unit), static_cast<char>(unit >> 8)};
    big += {static_cast<char>(unit >> 8), static_cast<char>(unit)};
  }
  EXPECT_EQ(without_encoding("\xFF\xFE" + little), plain);
  EXPECT_EQ(without_encoding("\xFE\xFF" + big), plain);
  EXPECT_EQ(without_encoding(little), plain);
  EXPECT_EQ(without_encoding(big), plain);
  EXPECT_EQ(without_encoding("\xEF\xBB\xBF" + plain), plain);
  EXPECT_EQ(without_encoding(plain), plain);
  EXPECT_EQ(without_encoding(""), "");
}

TEST(Text, KnowsUtf8AndTurnsLatin1ToIt) {
  EXPECT_TRUE(is_utf8("plain \xC3\xA4 \xF0\x9F\x98\x80"));
  for (const char* bad : {"\xE4", "\xC3", "\xC0\xAF", "\xED\xA0\x80",
                          "\xF5\x80\x80\x80", "\x80"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
  EXPECT_EQ(as_utf8("K\xE4se"), "K\xC3\xA4se");
  EXPECT_EQ(as_utf8("K\xC3\xA4se"), "K\xC3\xA4se");
}

TEST(Text, ANameComesBackFromItsLine) {
  for (const std::string name : {"plain", "two\nlines", "a\\nb", "cr\r\\"}) {
    const auto line = on_one_line(name);
    EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos);
    EXPECT_EQ(from_one_line(line), name);
  }
}

TEST(Text, DecodesAddresses) {
  EXPECT_EQ(without_percents("/a%20b/%C3%BC%"), "/a b/\xC3\xBC%");
  EXPECT_EQ(without_percents("100%zz"), "100%zz");
}

}  // namespace
}  // namespace skipzoo
