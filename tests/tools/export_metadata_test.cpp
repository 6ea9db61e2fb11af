// What of a run travels with its export, and what does not.

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/config/run_config.h"
#include "tools/export/format.h"
#include "tools/export/onnx_model.h"
#include "tools/export/scripted.h"
#include "tools/weights/zip_file.h"

namespace skipzoo {
namespace {

/// A network of moments for so many classes.
ResNetOptions small_resnet(int64_t classes) {
  ResNetOptions options;
  options.depths = {1};
  options.widths = {4};
  options.num_classes = classes;
  return options;
}

const std::vector<std::string> kOddNames = {"<b>bold</b>",
                                            "black & white",
                                            "\"quoted\"",
                                            "it's",
                                            "comma, semicolon;",
                                            "🦊 fox",
                                            "naïve café",
                                            "日本語",
                                            "C:\\dir",
                                            "{brace}",
                                            "# no comment",
                                            " spaces ",
                                            "%s",
                                            "tab\there",
                                            "two\nlines",
                                            "",
                                            "null"};

class OddNames : public testing::Test {
 protected:
  Exportable network() const {
    const auto options = small_resnet(static_cast<int64_t>(kOddNames.size()));
    const auto model = make_model(options);
    return {.model = options,
            .weights = state_dict(*model),
            .metadata = {.config = "",
                         .classes = kOddNames,
                         .mean = {},
                         .std = {},
                         .input_shape = {3, 8, 8}}};
  }
  /// One name a line, whatever is in a name.
  static void expect_list(const std::string& text) {
    EXPECT_EQ(static_cast<size_t>(std::ranges::count(text, '\n')),
              kOddNames.size());
    EXPECT_TRUE(text.starts_with("<b>bold</b>\nblack & white\n")) << text;
    EXPECT_NE(text.find("\ntwo lines\n"), std::string::npos) << text;
  }

  TemporaryFolder folder;
};

TEST_F(OddNames, ComeBackFromATorchScriptExport) {
  const auto path = folder / "net.pt";
  export_network(path, network(), {.format = ExportFormat::kTorchScript});
  EXPECT_EQ(load_scripted(path, torch::kCPU).metadata.classes, kOddNames);
  const auto metadata = read_metadata(path);
  ASSERT_TRUE(metadata.has_value());
  EXPECT_EQ(metadata->classes, kOddNames);
  const auto list =
      ZipFile(InputFile::open(path)).read("extra/classes.txt", 1 << 20);
  expect_list({list.begin(), list.end()});
}

TEST_F(OddNames, ComeBackFromAnOnnxExportsMetadata) {
  const auto path = folder / "net.onnx";
  export_network(path, network(), {.format = ExportFormat::kOnnx});
  const auto bytes = read_text(path);
  const auto metadata = OnnxModel(bytes).metadata();
  EXPECT_EQ(parse_metadata(metadata.at("skipzoo.json")).classes, kOddNames);
  expect_list(metadata.at("classes.txt"));
}

TEST_F(OddNames, ComeBackFromACheckpoint) {
  const auto path = folder / "last.skz";
  Checkpoint checkpoint{};
  checkpoint.metadata = network().metadata;
  checkpoint.weights = network().weights;
  save_checkpoint(path, checkpoint);
  EXPECT_EQ(load_checkpoint(path).metadata.classes, kOddNames);
  EXPECT_EQ(read_metadata(path)->classes, kOddNames);
}

/// The checkpoint of a run on somebody's photos, tuned from somebody's weights.
void save_run_of_anna(const std::filesystem::path& path,
                      const std::filesystem::path& home) {
  RunConfig config;
  config.model = small_resnet(2);
  config.data.root = home / "photos-of-anna";
  // A split may lie elsewhere: an absolute path stands for itself.
  config.data.train_split = (home / "photos-of-anna/kept/").string();
  config.data.val_split = (home / "photos-of-anna/new").string();
  config.data.image_size = 8;
  config.fine_tune.weights = home / "weights-of-anna/old.pth";
  const auto model = make_model(config.model);
  Checkpoint checkpoint{};
  checkpoint.metadata = {.config = dump_config(config),
                         .classes = {"cat", "dog"},
                         .mean = {},
                         .std = {},
                         .input_shape = {3, 8, 8}};
  checkpoint.weights = state_dict(*model);
  save_checkpoint(path, checkpoint);
}

// Records are stored as they are, not packed: what is in one is in the bytes.
TEST(ExportOfARun, SaysInNoFormatWhereItsFilesLay) {
  TemporaryFolder folder;
  const auto run = folder / "run.skz";
  save_run_of_anna(run, folder.path());
  const auto home = folder.path().filename().string();
  const auto saved = read_text(run);
  for (const auto& words :
       {"photos-of-anna", "weights-of-anna", home.c_str()}) {
    ASSERT_NE(saved.find(words), std::string::npos) << words;
  }
  for (const auto& format : export_formats()) {
    const auto path = folder / ("net" + std::string(format.extension));
    const auto exported =
        run_skipzoo({"export", run.string(), "--format",
                     std::string(format.name), "-o", path.string()});
    ASSERT_EQ(exported.exit_code, 0) << exported.err;
    const auto bytes = read_text(path);
    EXPECT_EQ(bytes.find("of-anna"), std::string::npos) << format.name;
    EXPECT_EQ(bytes.find(home), std::string::npos) << format.name;
  }
  // But for the places, it is the run's config: the splits keep their names.
  const auto config =
      parse_resolved_config(read_metadata(folder / "net.pt")->config, "net.pt")
          .config;
  EXPECT_EQ(config.data.root.filename(), "FOLDER");
  EXPECT_EQ(config.data.train_split, "kept");
  EXPECT_EQ(config.data.val_split, "new");
}

}  // namespace
}  // namespace skipzoo
