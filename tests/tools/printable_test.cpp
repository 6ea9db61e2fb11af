#include "tools/printable.h"

#include <gtest/gtest.h>

#include "tools/utf8.h"

namespace skipzoo {
namespace {

using std::string_literals::operator""s;

TEST(Printable, LeavesWhatPeopleWrite) {
  for (const char* text :
       {"layer1.0.conv1.weight", "Zürich", "猫", "🐈", "",
        "گربه‌ها"}) {  // With a zero-width non-joiner.
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, NothingReachesTheTerminalAsACommand) {
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable("a\nerror: b\r\tc"), "a\\nerror: b\\r\\tc");
  EXPECT_EQ(printable("nul\0!"s), "nul\\x00!");
  EXPECT_EQ(printable("\x7f\xc2\x9b"), "\\x7f\\x9b");  // DEL, C1's CSI.
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "gpj.exe"),
            "\\u202egpj.exe");
  EXPECT_EQ(printable("\xe2\x80\xa8"), "\\u2028");
}

TEST(Printable, WhatIsNoUtf8IsShownByteByByte) {
  EXPECT_EQ(printable("caf\xe9"), "caf\\xe9");              // Latin-1.
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");           // Cut short.
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // Overlong.
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // A surrogate.
  EXPECT_FALSE(is_utf8("caf\xe9"));
  EXPECT_TRUE(is_utf8("café"));
}

TEST(Printable, ALongNameIsCutAndItsLengthSaid) {
  EXPECT_EQ(printable(std::string(50'000, 'a')),
            std::string(200, 'a') + "… (50000 characters)");
  EXPECT_EQ(printable(std::string(200, 'a')), std::string(200, 'a'));
}

TEST(Printable, AMessageKeepsItsLines) {
  EXPECT_EQ(printable_message("two\nlines\x1b"), "two\nlines\\x1b");
  EXPECT_EQ(printable_message(std::string(300, 'a')), std::string(300, 'a'));
}

}  // namespace
}  // namespace skipzoo
