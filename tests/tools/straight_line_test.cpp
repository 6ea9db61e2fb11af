// TorchScript archives that say they are ours and are not: none of their code
// is run before it is known to come to an end.

#include "tools/export/straight_line.h"

#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <map>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/export/export.h"
#include "tools/export/scripted.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

class Archive : public testing::Test {
 protected:
  void SetUp() override {
    ResNetOptions options;
    options.depths = {1};
    options.widths = {4};
    options.num_classes = 3;
    const auto model = make_model(options);
    export_network(
        folder / "good.pt",
        {.model = options,
         .weights = state_dict(*model),
         .metadata = {.config = "model: {family: resnet, depths: [1], "
                                "widths: [4], num_classes: 3}\n"
                                "data: {dataset: synthetic, image_size: "
                                "8}\ntrain: {threads: 1, device: cpu}\n",
                      .classes = {"a", "b", "c"},
                      .mean = {},
                      .std = {},
                      .input_shape = {3, 8, 8}}},
        {.format = ExportFormat::kTorchScript});
  }

  /// The good archive with one text in its records put for another.
  std::string with(const std::string& text, const std::string& other) {
    using namespace caffe2::serialize;
    const auto path = (folder / "bad.pt").string();
    PyTorchStreamReader reader((folder / "good.pt").string());
    PyTorchStreamWriter writer(path);
    bool found = false;
    for (const auto& name : reader.getAllRecords()) {
      const auto [data, size] = reader.getRecord(name);
      std::string record(static_cast<const char*>(data.get()), size);
      const auto at = record.find(text);
      if (at != std::string::npos && !name.ends_with("debug_pkl")) {
        record.replace(at, text.size(), other);
        found = true;
      }
      if (name != "version" && name != ".data/serialization_id") {
        writer.writeRecord(name, record.data(), record.size());
      }
    }
    writer.writeEndOfFile();
    EXPECT_TRUE(found) << text;
    return path;
  }
  std::string words(const std::string& path) {
    return words_of_error([&] { load_scripted(path, torch::kCPU); });
  }

  TemporaryFolder folder;
};

TEST_F(Archive, OfOursIsLoaded) {
  const auto network = load_scripted(folder / "good.pt", torch::kCPU);
  EXPECT_EQ(network.forward(torch::zeros({2, 3, 8, 8})).size(1), 3);
}

TEST_F(Archive, WithALoopIsRefused) {
  const auto path = with("  def forward", R"(  def forward(self, x):
    while True:
      pass
    return x
  def other)");
  EXPECT_NE(words(path).find("says 'while', which no export of skipzoo does"),
            std::string::npos)
      << words(path);
  for (const std::string command : {"evaluate", "predict"}) {
    std::vector<std::string> arguments = {command, path};
    if (command == "predict") {
      arguments.push_back(std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg");
    }
    const auto finished = run_skipzoo(arguments);
    EXPECT_EQ(finished.exit_code, 1) << finished.err;
    EXPECT_NE(finished.err.find("it is not run"), std::string::npos)
        << finished.err;
  }
}

TEST_F(Archive, WithAMethodThatLoadingWouldRunIsRefused) {
  const auto path = with("  def forward",
                         "  def __setstate__(self, x: int) -> None:\n"
                         "    pass\n  def forward");
  EXPECT_NE(words(path).find("has a method '__setstate__'"), std::string::npos)
      << words(path);
}

TEST_F(Archive, OfFiftyThousandBracketsIsRefused) {
  const auto path =
      with("torch.flatten(", "torch.flatten(" + std::string(50'000, '(') + "1" +
                                 std::string(50'000, ')') + ", ");
  EXPECT_NE(words(path).find("nested more deeply"), std::string::npos)
      << words(path);
}

TEST_F(Archive, WithAnOperatorOfOtherPurposeIsRefused) {
  const auto path = with("torch.relu(", "torch.digamma(");
  EXPECT_NE(words(path).find("uses aten::digamma"), std::string::npos)
      << words(path);
}

TEST_F(Archive, OfMoreOperatorsThanLibTorchsStackHoldsIsRefused) {
  // As many as run; what would end the process; what LibTorch would parse for
  // a minute.
  for (const int count : {9'900, 10'100, 60'000}) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += "    input = torch.relu(input)\n";
    }
    const auto path =
        with("    conv1 = self.conv1\n", lines + "    conv1 = self.conv1\n");
    const auto finished = run_skipzoo(
        {"predict", path, std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg"});
    EXPECT_EQ(finished.exit_code, count == 9'900 ? 0 : 1) << finished.err;
    const std::string words = count == 10'100   ? "10000 operators in a row"
                              : count == 60'000 ? "100000 lines and calls"
                                                : "";
    EXPECT_NE(finished.err.find(words), std::string::npos) << finished.err;
  }
}

TEST_F(Archive, ThatFailsOrGivesOtherOutputsIsNamed) {
  const std::map<std::string, std::string> damages = {
      {"torch.flatten(", "torch.relu("},
      {"def forward(", "def forward[("},
      {"\"any_size\":", "\"any_sise\":"},
      {"\"input_shape\":[3,8,8]", "\"input_shape\":[3]"}};
  for (const auto& [text, other] : damages) {
    const auto path = with(text, other);
    const auto finished = run_skipzoo({"evaluate", path});
    EXPECT_EQ(finished.exit_code, 1) << finished.err;
    EXPECT_NE(finished.err.find("bad.pt: "), std::string::npos) << finished.err;
  }
}

TEST(Memory, ThatAMachineHasNotIsNoFaultOfOurs) {
  TemporaryFolder folder;
  const auto config = folder.write(
      "net.yaml",
      "model: {family: resnet, depths: [1], widths: [4], num_classes: 3}\n"
      "data: {dataset: synthetic, synthetic_images: 16, image_size: 8}\n"
      "train: {epochs: 1, threads: 1, device: cpu}\n");
  for (const char* set :
       {"model.widths=[1000000]", "model.widths=[4000000000000]"}) {
    const auto finished =
        run_skipzoo({"train", "-c", config.string(), "-o",
                     (folder / "run").string(), "--set", set});
    EXPECT_EQ(finished.exit_code, 2) << finished.err;
    EXPECT_NE(finished.err.find("widths"), std::string::npos) << finished.err;
    EXPECT_EQ(finished.err.find("enforce fail"), std::string::npos)
        << finished.err;
  }
}

}  // namespace
}  // namespace skipzoo
