#include "tools/export/export.h"

#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstring>

#include "tests/support/copy_of.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/variants.h"
#include "tests/support/words_of_error.h"
#include "tools/config/run_config.h"
#include "tools/error.h"
#include "tools/export/format.h"
#include "tools/export/onnx_model.h"
#include "tools/export/scripted.h"
#include "tools/weights/fit.h"
#include "tools/weights/weight_file.h"
#include "tools/weights/write.h"

namespace skipzoo {
namespace {

/// What a test calls an export of that format.
std::string file_of(const ExportFormatInfo& format,
                    const std::string& stem = "net") {
  return stem + std::string(format.extension);
}

/// A network whose statistics have settled: with those of a fresh one deep nets
/// overflow in evaluation.
Exportable settled(const ModelOptions& options, int64_t size) {
  torch::manual_seed(0);
  const auto model = make_model(options);
  const int64_t channels = in_channels(options);
  const torch::NoGradGuard no_grad;
  for (int i = 0; i < 3; ++i) {
    model->forward(torch::randn({4, channels, size, size}));
  }
  Exportable network{.model = options,
                     .weights = copy_of(*model),
                     .metadata = {.config = "model: {}\n",
                                  .classes = {},
                                  .mean = {0.5, 0.4, 0.3},
                                  .std = {0.2, 0.3, 0.25},
                                  .input_shape = {channels, size, size}}};
  for (int64_t i = 0; i < num_classes(options); ++i) {
    network.metadata.classes.push_back("class " + std::to_string(i));
  }
  return network;
}

Exportable small_resnet() {
  ResNetOptions options;
  options.depths = {1, 1};
  options.widths = {4, 8};
  return settled(options, 16);
}

TEST(Export, OfEveryNetworkInEveryFormatEqualsIt) {
  TemporaryFolder folder;
  for (const auto& [name, options] : variants()) {
    SCOPED_TRACE(name);
    const auto network = settled(options, 32);
    const size_t sizes = make_model(options)->takes_any_size() ? 3 : 2;
    for (const auto& format : export_formats()) {
      for (const bool fold : {false, true}) {
        if (fold && !format.has_program) continue;
        const auto check = export_network(
            folder / file_of(format), network,
            {.format = format.format, .program = {}, .fold = fold});
        EXPECT_LE(check.difference, fold ? 1e-5 : 1e-6) << format.name << fold;
        EXPECT_EQ(check.shapes.size(), sizes);
      }
    }
  }
}

TEST(Export, BakesInWhatItsCallerWouldDo) {
  TemporaryFolder folder;
  const auto network = small_resnet();
  for (const auto& format : export_formats()) {
    if (!format.has_program) continue;
    for (const auto pixels :
         {Pixels::kNormalised, Pixels::kUnit, Pixels::kByte}) {
      for (const auto type : format.types) {
        const ExportOptions options = {
            .format = format.format,
            .program = {.pixels = pixels,
                        .mean = network.metadata.mean,
                        .std = network.metadata.std,
                        .softmax = true,
                        .type = type},
            .fold = true};
        const auto check = export_network(folder / "net", network, options);
        EXPECT_LE(check.difference, type == at::kFloat ? 1e-5 : check.bound);
        if (type == at::kFloat) continue;
        EXPECT_GT(check.difference, 1e-6);  // That type it is, then.
      }
    }
  }
  // And the bytes of a picture give probabilities.
  const ScriptedNetwork scripted = [&] {
    export_network(folder / "net.pt", network,
                   {.format = ExportFormat::kTorchScript,
                    .program = {.pixels = Pixels::kByte,
                                .mean = network.metadata.mean,
                                .std = network.metadata.std,
                                .softmax = true}});
    return load_scripted(folder / "net.pt", torch::kCPU);
  }();
  EXPECT_EQ(scripted.pixels, Pixels::kByte);
  EXPECT_EQ(scripted.metadata.classes, network.metadata.classes);
  EXPECT_EQ(scripted.metadata.mean, network.metadata.mean);
  const auto module = torch::jit::load((folder / "net.pt").string());
  // What is baked in moves with the module: to a GPU, say.
  std::set<std::string> buffers;
  for (const auto& buffer : module.named_buffers()) buffers.insert(buffer.name);
  EXPECT_TRUE(buffers.contains("normalize.mean"));
  EXPECT_TRUE(buffers.contains("normalize.std"));
  auto copy = module;
  const auto sums =
      copy.forward({torch::randint(256, {2, 3, 16, 16}, torch::kByte)})
          .toTensor()
          .sum(1);
  EXPECT_TRUE(torch::allclose(sums, torch::ones({2})));
}

TEST(Export, KeepsNamesAndFoldsThemAway) {
  TemporaryFolder folder;
  const auto network = small_resnet();
  const auto names_of = [](const NamedTensors& tensors) {
    std::set<std::string> names;
    for (const auto& entry : tensors) names.insert(entry.first);
    return names;
  };
  const auto path = folder / "net.pt";
  export_network(path, network, {.format = ExportFormat::kTorchScript});
  EXPECT_EQ(names_of(read_weight_file(path).tensors),
            names_of(network.weights));
  export_network(path, network,
                 {.format = ExportFormat::kTorchScript, .fold = true});
  for (const auto& name : names_of(read_weight_file(path).tensors)) {
    EXPECT_EQ(name.find("bn"), std::string::npos) << name;
  }
  EXPECT_TRUE(names_of(read_weight_file(path).tensors).contains("conv1.bias"));

  export_network(folder / "net.onnx", network, {.format = ExportFormat::kOnnx});
  const auto text = read_text(folder / "net.onnx");
  const OnnxModel onnx(text);
  EXPECT_TRUE(onnx.initialisers().contains("layer1.0.bn1.running_var"));
  EXPECT_EQ(parse_metadata(onnx.metadata().at("skipzoo.json")).classes,
            network.metadata.classes);
}

/// Changes one weight where its bytes stand in a file.
void damage(const std::filesystem::path& path, const torch::Tensor& weight) {
  auto bytes = read_text(path);
  const std::string piece(static_cast<const char*>(weight.const_data_ptr()),
                          16);
  const auto at = bytes.find(piece);
  ASSERT_NE(at, std::string::npos);
  const float other = weight.flatten()[0].item<float>() + 5;
  std::memcpy(&bytes[at], &other, sizeof(other));
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(Export, WithOneWeightChangedOnDiskIsRefused) {
  TemporaryFolder folder;
  const auto network = small_resnet();
  for (const auto& format : export_formats()) {
    SCOPED_TRACE(format.name);
    const ExportOptions options = {.format = format.format};
    const auto path = folder / file_of(format);
    export_network(path, network, options);
    EXPECT_NO_THROW(check_export(path, network, options));
    damage(path, network.weights.front().second);
    EXPECT_NE(words_of_error([&] {
                check_export(path, network, options);
              }).find("the export is refused: "),
              std::string::npos);
  }
}

TEST(Export, ThatIsRefusedLeavesTheOldFile) {
  TemporaryFolder folder;
  auto network = small_resnet();
  const auto path = folder.write("net.pt", "the old one");
  network.weights.pop_back();
  network.weights.front().second = torch::zeros({1});
  EXPECT_THROW(export_network(path, network, {}), ExportError);
  EXPECT_EQ(read_text(path), "the old one");
  // A network that overflows: not a number is no small difference.
  network = small_resnet();
  network.weights.front().second.fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_THROW(export_network(path, network, {}), ExportError);
  EXPECT_EQ(read_text(path), "the old one");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()),
                          std::filesystem::directory_iterator()),
            1);
}

/// The networks that Python is asked about, by their names there.
struct Compared {
  const char* config;
  const char* reference;
  int64_t size;
};
class InPython : public testing::TestWithParam<Compared> {};

// exports_in_python.py runs each file and compares with our logits.
TEST_P(InPython, EveryFormatGivesOurLogits) {
  const auto& [config, reference, size] = GetParam();
  const std::string python = SKIPZOO_PYTHON;
  if (python.empty()) GTEST_SKIP() << "no python";
  TemporaryFolder folder;
  const auto network = settled(
      load_config(std::string(SKIPZOO_CONFIGS) + "/" + config).config.model,
      size);
  for (const auto& format : export_formats()) {
    export_network(folder / file_of(format), network,
                   {.format = format.format});
  }
  const auto model = make_model(network.model);
  copy_exactly(network.weights, *model);
  model->eval();
  const torch::NoGradGuard no_grad;
  NamedTensors cases;
  for (const int64_t batch : {1, 3, 17}) {
    const auto images = torch::randn({batch, 3, size, size});
    cases.emplace_back("images." + std::to_string(batch), images);
    cases.emplace_back("logits." + std::to_string(batch),
                       model->forward(images));
  }
  // With everything that can be baked in.
  const ProgramOptions baked = {.pixels = Pixels::kByte,
                                .mean = network.metadata.mean,
                                .std = network.metadata.std,
                                .softmax = true};
  for (const auto& format : export_formats()) {
    if (!format.has_program) continue;
    export_network(folder / file_of(format, "baked"), network,
                   {.format = format.format, .program = baked, .fold = true});
  }
  const auto bytes = random_pictures({2, 3, size, size}, Pixels::kByte);
  cases.emplace_back("bytes", bytes);
  cases.emplace_back("probabilities",
                     model->forward(network_input(bytes, baked)).softmax(1));
  write_pth(folder / "cases.pth", cases);
  const auto finished =
      Process({python, SKIPZOO_TESTS "/tools/exports_in_python.py",
               folder.path().string(), SKIPZOO_GOLDENS, reference})
          .wait();
  if (finished.exit_code == 77) GTEST_SKIP() << finished.out;
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  std::cout << finished.out;
}

INSTANTIATE_TEST_SUITE_P(
    Networks, InPython,
    testing::Values(Compared{"cifar10/conv_net.yaml", "convnet-residual", 32},
                    Compared{"cifar10/resnet20.yaml", "resnet20-a", 32},
                    Compared{"imagenet/resnet50.yaml", "resnet50", 224},
                    Compared{"imagenet/densenet121.yaml", "densenet121", 224},
                    Compared{"cifar10/densenet_bc_100_12.yaml",
                             "densenet-bc-100-12", 32}));

}  // namespace
}  // namespace skipzoo
