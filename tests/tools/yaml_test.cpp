// The reader of YAML: what is taken as meant, what is refused and where.

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "tools/config/value.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

Value parse(const std::string& text) {
  return parse_yaml(text, {"run.yaml", "/folder"});
}

/// The words of the refusal of this text.
std::string refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

void expect_refused(const std::string& text, const std::string& words) {
  EXPECT_NE(refusal(text).find(words), std::string::npos) << refusal(text);
}

TEST(Yaml, OneDocumentMayHaveItsMarks) {
  for (const char* text : {"a: 1\n", "---\na: 1\n", "---\na: 1\n...\n",
                           "a: 1\n...", "%YAML 1.2\n---\n# a comment\na: 1\n",
                           "\xEF\xBB\xBF"
                           "a: 1\r\n"}) {
    const auto root = parse(text);
    ASSERT_NE(root.find("a"), nullptr) << text;
    EXPECT_EQ(root.find("a")->text, "1") << text;
  }
}

TEST(Yaml, ASecondDocumentIsRefusedWithItsLine) {
  expect_refused("a: 1\n---\nb: 2\n", "run.yaml:2:1: a second YAML document");
  expect_refused("a: 1\n...\nb: 2\n", "run.yaml:3:1: a second YAML document");
  expect_refused("---\n---\na: 1\n", "run.yaml:2:1: a second YAML document");
  expect_refused("a: 1\n--- \nb: [1\n", "run.yaml:2:1: a second YAML document");
}

TEST(Yaml, MergesSectionsAsYaml11Says) {
  const auto root = parse(
      "a: &a {x: 1, y: 2}\n"
      "b: {y: 3, <<: *a}\n"
      "c: {<<: [{y: 4, z: 5}, *a]}\n"
      "d: {\"<<\": 6}\n");
  const auto text = [&](const char* section, const char* key) {
    const Value* value = root.find(section)->find(key);
    return value == nullptr ? "none" : value->text;
  };
  EXPECT_EQ(text("b", "x"), "1");
  EXPECT_EQ(text("b", "y"), "3");
  EXPECT_EQ(root.find("b")->section.size(), 2u);
  EXPECT_EQ(text("c", "x"), "1");
  EXPECT_EQ(text("c", "y"), "4");
  EXPECT_EQ(text("c", "z"), "5");
  EXPECT_EQ(text("d", "<<"), "6");
  EXPECT_EQ(root.find("b")->find("x")->place, "run.yaml:1:11");
  expect_refused("a: {<<: 3}\n", "run.yaml:1:9: <<: expected a section");
  expect_refused("a: &a {}\nb: {<<: *a, <<: *a}\n", "<<: given twice");
}

TEST(Yaml, NothingStandsWhereItsKeyDoes) {
  EXPECT_EQ(parse("a:\n  b:\n\n# more\nc: 1\n").find("a")->find("b")->place,
            "run.yaml:2:3");
}

TEST(Yaml, AnAliasIsACopy) {
  auto root = parse("a: &a [1, 2]\nb: *a\n");
  EXPECT_EQ(root.find("b")->list.size(), 2u);
  expect_refused("a: &a [*a]\n", "an alias within the value that it names");
  expect_refused("a: *b\n", "anchor is not defined");
}

TEST(Yaml, RefusesWhatWouldLoseHalfOfTheFile) {
  // yaml-cpp ends an open quote where the file ends.
  expect_refused("a: \"x\nb: 2\n", "is a quote not closed?");
  expect_refused("a: 'x\nb: 2\n", "run.yaml:2:1: not valid YAML");
  expect_refused("a: [1, 2", "run.yaml:1:1: not valid YAML");
  expect_refused("# a comment\rb: 2\n", "run.yaml:1: the byte 0x0D");
  expect_refused("a: \"x\\0y\"\n", "a zero byte within a text");
  expect_refused("a: !include b.yaml\n", "the tag !include would change");
  expect_refused("? [a, b]\n: 1\n", "a key is a text");
  EXPECT_EQ(parse("a: !!str 3\n").find("a")->text, "3");
}

TEST(Yaml, NamesTheByteThatIsNoText) {
  // A private character stands for a byte where a config was dumped.
  EXPECT_EQ(parse("a: caf\xEE\xBF\xA9\n").find("a")->text, "caf\xE9");
  EXPECT_EQ(parse("a: caf\xE9 # \xFF\n").find("a")->text, "caf\xE9");
  expect_refused(std::string("a: 1\n\0", 6), "run.yaml:2: the byte 0x00");
  expect_refused("\x1F\x8B\x08", "the byte 0x1F is no part of a text");
  expect_refused(std::string("\xFF\xFE"
                             "a\0",
                             4),
                 "is UTF-16 text");
  expect_refused("a:\n\tb: 1\n", "begins with a tab, indent by spaces");
  EXPECT_EQ(parse("a: caf\xC3\xA9\n").find("a")->text, "caf\xC3\xA9");
  EXPECT_EQ(parse("a:\t1\t# tabs between\n").find("a")->text, "1");
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Yaml, WhatGrowsIsBounded) {
  std::string laughs = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string before = std::string("*") + static_cast<char>(c - 1);
    laughs += std::string(1, c) + ": &" + c + " [" + before +
              repeated(", " + before, 8) + "]\n";
  }
  expect_refused(laughs, "more values than any config has");
  expect_refused("a: &a \"" + repeated("x", 500'000) + "\"\nb: [*a" +
                     repeated(", *a", 1000) + "]\n",
                 "more values than any config has");
  expect_refused(repeated("- ", 100'000), "nested deeper than 20");
  EXPECT_NE(refusal("a: " + repeated("[", 100'000)), "no error");
  EXPECT_NE(refusal(repeated("{a: ", 100'000)), "no error");
}

// The seed is fixed: a failure comes again.
TEST(Yaml, AnyBytesGiveAValueOrASentence) {
  const std::string good =
      "model: &m {family: resnet, depths: [1, 1], 'a': \"b\\n\"}\n"
      "data:\n  root: |\n    x\n  list:\n  - a\n  - ? b\n    : c\n"
      "train: {<<: *m, lr: !!float 1.0e-2} # end\n...\n";
  const std::string letters = "\"'[]{},:?-&*!|>%@`#~ \n\t\r<.=0a\\\x80\xC3";
  std::mt19937 random(1);
  const auto start = std::chrono::steady_clock::now();
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (auto edits = 1 + random() % 6; edits > 0; --edits) {
      const size_t at = random() % (text.size() + 1);
      const char letter = letters[random() % letters.size()];
      switch (random() % 4) {
        case 0:
          text.insert(at, 1, letter);
          break;
        case 1:
          text.erase(at, random() % 8);
          break;
        case 2:
          text.resize(at);
          break;
        default:
          text.insert(at, text.substr(random() % (text.size() + 1), 9));
      }
    }
    const auto words = refusal(text);
    if (words == "no error") continue;
    ++refused;
    EXPECT_EQ(words.find("run.yaml"), 0u) << words << "\nof\n" << text;
  }
  EXPECT_GT(refused, 5'000);
  EXPECT_LT(refused, 20'000);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::minutes(1));
}

}  // namespace
}  // namespace skipzoo
