// Which networks a study makes of a config.

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <algorithm>
#include <cmath>

#include "models/zoo.h"
#include "tests/support/words_of_error.h"
#include "tools/config/run_config.h"
#include "tools/config/study_depths.h"
#include "tools/study/cells.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// A config of digits' size with a study of these.
RunConfig study_of(const std::string& model, const std::string& study) {
  return parse_config("model: {" + model +
                          "}\n"
                          "data: {dataset: synthetic, image_size: 8}\n"
                          "study: {" +
                          study + "}\n",
                      "net.yaml", fs::current_path())
      .config;
}

/// Convolutions and linear layers of what is built, those of shortcuts aside.
int64_t weight_layers(const ModelOptions& network) {
  int64_t layers = 0;
  for (const auto& item : make_uninitialised(network)->named_parameters()) {
    const bool is_shortcut =
        item.key().find("downsample") != std::string::npos ||
        item.key().find("skip") != std::string::npos;
    if (item.value().dim() >= 2 && !is_shortcut) ++layers;
  }
  return layers;
}

TEST(StudyCells, HaveTheDepthThatIsAskedForInEveryFamily) {
  for (const auto& [model, depths] :
       std::vector<std::pair<std::string, std::string>>{
           {"family: resnet", "[8, 20, 56]"},
           {"family: resnet, bottleneck: true", "[11, 29]"},
           {"family: resnet, depths: [1, 1], widths: [8, 16]", "[6, 10, 14]"},
           {"family: preact_resnet", "[8, 20]"},
           {"family: conv_net", "[9, 17]"}}) {
    const bool has_twin = model.find("conv_net") == std::string::npos;
    const auto config = study_of(
        model, "skips: [none" + std::string(has_twin ? ", B, dense" : "") +
                   "], seeds: [5], depths: " + depths);
    const auto cells = study_cells(config);
    EXPECT_EQ(cells.size(),
              config.study.skips.size() * config.study.depths.size());
    for (const auto& cell : cells) {
      EXPECT_EQ(weight_layers(cell.config.model), cell.depth)
          << model << " " << cell.name();
      EXPECT_EQ(cell.config.train.seed, 5);
      EXPECT_EQ(cell.parameters,
                count_parameters(*make_model(cell.config.model)));
      EXPECT_FALSE(cell.config.study.enabled());
    }
  }
}

TEST(StudyCells, DenseOnesHaveAsManyParametersAsTheResidualOnes) {
  for (const char* model :
       {"family: resnet, in_channels: 1", "family: resnet, shortcut: B",
        "family: preact_resnet, widths: [8, 16, 32]"}) {
    const auto cells =
        study_cells(study_of(model,
                             "skips: [B, dense], depths: [8, 20, 56, 110], "
                             "seeds: [1]"));
    ASSERT_EQ(cells.size(), 8u);
    for (size_t i = 0; i < 4; ++i) {
      const auto& residual = cells[i];
      const auto& dense = cells[i + 4];
      EXPECT_EQ(family_name(dense.config.model), "densenet");
      EXPECT_EQ(dense.wanted, residual.parameters);
      EXPECT_NEAR(static_cast<double>(dense.parameters),
                  static_cast<double>(residual.parameters),
                  0.05 * static_cast<double>(residual.parameters))
          << dense.name();
      EXPECT_LE(std::abs(parameters_off(dense)), 5);
      EXPECT_EQ(parameters_off(residual), 0);
    }
  }
}

TEST(StudyCells, TakeEveryWordOfAFamilysShortcut) {
  for (const auto& family : families()) {
    const auto words = study_skips(family);
    if (words.empty()) continue;
    EXPECT_EQ(std::ranges::count(words, "none"), 1) << family_name(family);
  }
  const auto words = study_skips(ResNetOptions());
  EXPECT_EQ(words, (std::vector<std::string>{"A", "A_end", "B", "C", "none",
                                             "dense"}));
  EXPECT_TRUE(is_shortcut_of(ResNetOptions(), "A_end"));
  EXPECT_FALSE(is_shortcut_of(ResNetOptions(), "dense"));
  EXPECT_TRUE(study_skips(DenseNetOptions()).empty());
  const auto network = with_depth(ConvNetOptions(), "none", 17);
  const auto& made = std::get<ConvNetOptions>(network);
  EXPECT_EQ(made.shortcut, ConvShortcut::kNone);
  EXPECT_EQ(made.filters,
            (std::vector<int64_t>{32, 32, 64, 64, 128, 128, 256, 256}));
  EXPECT_EQ(made.strides, (std::vector<int64_t>{2, 1, 2, 1, 2, 1, 2, 1}));
}

TEST(StudyConfig, SaysAllThatIsWrongWithItsPlace) {
  const auto words = words_of_error([] {
    parse_config(
        "model: {family: resnet}\n"
        "data: {dataset: synthetic, image_size: 8}\n"
        "train: {max_minutes: 3}\n"
        "study:\n"
        "  skips: [none, D]\n"
        "  depths: [20, 21, 5]\n",
        "net.yaml", fs::current_path());
  });
  for (const char* part :
       {"net.yaml:5:",
        "study.skips: one of A, A_end, B, C, none, dense, got "
        "'D'",
        "net.yaml:6:",
        "a resnet of these stages has 6n + 2 layers, so 20 or "
        "26, not 21",
        "has 6n + 2 layers, so 8, not 5", "train.max_minutes would end"}) {
    EXPECT_NE(words.find(part), std::string::npos) << part << "\n" << words;
  }
}

TEST(StudyConfig, RefusesWhatIsNoStudy) {
  const auto refused = [](const std::string& model, const std::string& study,
                          const std::string& part) {
    const auto words = words_of_error([&] { study_of(model, study); });
    EXPECT_NE(words.find(part), std::string::npos) << words;
  };
  const std::string net = "family: resnet";
  refused(net, "skips: [A]", "depths has no number of layers");
  refused(net, "depths: [8]", "skips names nothing to compare");
  refused(net, "skips: [A, A], depths: [8, 8], seeds: [1, 1]",
          "skips names one twice");
  refused(net, "skips: [A], depths: [8], seeds: []", "seeds is empty");
  refused(net, "skips: [A], depths: [8], surface: 4",
          "an odd number from 3 on");
  refused(net, "skips: [A], depths: [8], pictures: 1", "between 2 and 4096");
  refused("family: densenet", "skips: [A], depths: [8]",
          "a densenet has no model.shortcut to choose");
  refused("family: conv_net", "skips: [none], depths: [10]",
          "8n + 1 layers, so 9 or 17, not 10");
}

TEST(StudyConfig, ReadsBackAsItIsPrinted) {
  const auto config = study_of("family: resnet",
                               "skips: [none, dense], depths: [8], seeds: "
                               "[4], surface: 5, pictures: 9");
  const auto again =
      parse_config(dump_config(config), "again", fs::current_path()).config;
  EXPECT_EQ(again.study.skips, config.study.skips);
  EXPECT_EQ(again.study.depths, config.study.depths);
  EXPECT_EQ(again.study.seeds, config.study.seeds);
  EXPECT_EQ(again.study.surface, 5);
  EXPECT_EQ(again.study.pictures, 9);
}

TEST(StudyConfig, OfEveryFileOfConfigsHasItsCells) {
  int64_t files = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(SKIPZOO_CONFIGS) / "study")) {
    const auto config = load_config(entry.path()).config;
    ASSERT_TRUE(config.study.enabled()) << entry.path();
    for (const auto& cell : study_cells(config)) {
      EXPECT_LE(std::abs(parameters_off(cell)), 5) << cell.name();
    }
    ++files;
  }
  EXPECT_GE(files, 2);
}

}  // namespace
}  // namespace skipzoo
