#include "tools/config/raw_bytes.h"

#include <gtest/gtest.h>

#include "tools/config/run_config.h"

namespace skipzoo {
namespace {

TEST(RawBytes, LeaveUtf8AsItIs) {
  for (const std::string text : {"", "plain", "k\xc3\xa4se", "\xe2\x82\xac",
                                 "\xf0\x9f\x98\x80", "\xee\x80\x80"}) {
    EXPECT_EQ(to_utf8(text), text);
    EXPECT_EQ(from_utf8(text), text);
  }
}

TEST(RawBytes, StandAsPrivateCharacters) {
  EXPECT_EQ(to_utf8("caf\xe9"), "caf\xee\xbf\xa9");  // U+EFE9
  EXPECT_EQ(to_utf8("\x80"), "\xee\xbe\x80");        // U+EF80
}

TEST(RawBytes, ComeBackWhateverTheyAre) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& bytes :
       {all, std::string("\xe9"), std::string("\xc3"), std::string("a\xe2\x82"),
        std::string("\xc0\x80"), std::string("\xed\xa0\x80"),
        std::string("\xf4\x90\x80\x80"), std::string("\xee\xbf\xa9"),
        std::string("\xee\xbe")}) {
    EXPECT_EQ(from_utf8(to_utf8(bytes)), bytes);
    EXPECT_EQ(mended_utf8(to_utf8(bytes)), to_utf8(bytes));
  }
}

// A path is bytes; the resolved config that a checkpoint keeps is text.
TEST(RawBytes, OfAPathSurviveAConfig) {
  const std::string root = "/data/caf\xe9/\xff \"x\"";
  const auto loaded =
      parse_config("model: {family: resnet}\ndata: {dataset: cifar10, root: '" +
                       root + "'}\n",
                   "name", "/", {});
  EXPECT_EQ(loaded.config.data.root, root);
  const auto text = dump_config(loaded.config);
  EXPECT_EQ(mended_utf8(text), text);
  EXPECT_EQ(parse_config(text, "name", "/", {}).config.data.root, root);
  EXPECT_EQ(
      parse_config(text, "name", "/", {"data.root=/caf\xe9"}).config.data.root,
      "/caf\xe9");
}

}  // namespace
}  // namespace skipzoo
