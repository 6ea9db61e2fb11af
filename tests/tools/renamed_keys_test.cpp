#include "tools/config/renamed_keys.h"

#include <gtest/gtest.h>

#include "tools/config/run_config.h"

namespace skipzoo {
namespace {

constexpr RenamedKey kRenamed[] = {
    {.last_format = 1, .from = "train.rate", .to = "train.optimizer.lr"},
    {.last_format = 2, .from = "data.size", .to = "data.image_size"}};

Value tree() {
  return parse_yaml("train: {rate: 0.5, epochs: 3}\ndata: {size: 8}\n",
                    {"old.skz", "/"});
}

TEST(RenamedKeys, StandUnderTheirNamesOfToday) {
  Value config = tree();
  rename_keys(config, 1, kRenamed);
  const auto* train = config.find("train");
  ASSERT_NE(train->find("optimizer"), nullptr);
  EXPECT_EQ(train->find("optimizer")->find("lr")->text, "0.5");
  EXPECT_EQ(train->find("optimizer")->find("lr")->place, "old.skz:1:15");
  EXPECT_EQ(train->find("rate"), nullptr);
  EXPECT_EQ(train->find("epochs")->text, "3");
  EXPECT_EQ(config.find("data")->find("image_size")->text, "8");
}

TEST(RenamedKeys, OfAnOlderFormatAreNotTouchedInANewerOne) {
  Value config = tree();
  rename_keys(config, 2, kRenamed);
  EXPECT_NE(config.find("train")->find("rate"), nullptr);
  EXPECT_EQ(config.find("data")->find("size"), nullptr);
  rename_keys(config, 3, kRenamed);
  EXPECT_NE(config.find("train")->find("rate"), nullptr);
}

TEST(RenamedKeys, ThatAreAbsentOrNoSectionsDoNoHarm) {
  Value config = parse_yaml("train: 3\n", {"old.skz", "/"});
  rename_keys(config, 1, kRenamed);
  EXPECT_EQ(config.section.size(), 1u);
}

constexpr const char* kResolved =
    "model: {family: resnet}\n"
    "data: {dataset: image_folder, root: data, image_size: 32}\n";

TEST(LaterKeys, AreWhatWasDoneBeforeThereWereAny) {
  const auto exif = [](int64_t format, std::vector<std::string> overrides) {
    return parse_resolved_config(kResolved, "old.skz", overrides, format)
        .config.data.exif;
  };
  EXPECT_EQ(exif(1, {}), Exif::kIgnore);
  EXPECT_EQ(exif(2, {}), Exif::kApply);
  EXPECT_EQ(exif(1, {"data.exif=apply"}), Exif::kApply);
  EXPECT_EQ(parse_config(kResolved, "new.yaml", "/", {}).config.data.exif,
            Exif::kApply);
  // What is written of an older run today is today's.
  const auto config = parse_resolved_config(kResolved, "old.skz", {}, 1).config;
  EXPECT_EQ(
      parse_resolved_config(dump_config(config), "new.skz").config.data.exif,
      Exif::kIgnore);
}

}  // namespace
}  // namespace skipzoo
