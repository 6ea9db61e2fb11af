#include "tools/export/export.h"

#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstring>

#include "tests/support/copy_of.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/config/run_config.h"
#include "tools/error.h"
#include "tools/export/onnx_model.h"
#include "tools/export/scripted.h"
#include "tools/weights/fit.h"
#include "tools/weights/weight_file.h"
#include "tools/weights/write.h"

namespace skipzoo {
namespace {

constexpr ExportFormat kFormats[] = {
    ExportFormat::kTorchScript, ExportFormat::kOnnx, ExportFormat::kSafetensors,
    ExportFormat::kPth};
constexpr const char* kNames[] = {"net.pt", "net.onnx", "net.safetensors",
                                  "net.pth"};

/// A network whose statistics have settled: with those of a fresh one deep nets
/// overflow in evaluation.
Exportable settled(const ModelOptions& options, int64_t size) {
  torch::manual_seed(0);
  const auto model = make_model(options);
  const torch::NoGradGuard no_grad;
  for (int i = 0; i < 3; ++i) {
    model->forward(torch::randn({4, in_channels(options), size, size}));
  }
  Exportable network{.model = options,
                     .weights = copy_of(*model),
                     .metadata = {.config = "model: {}\n",
                                  .classes = {},
                                  .mean = {0.5, 0.4, 0.3},
                                  .std = {0.2, 0.3, 0.25},
                                  .input_shape = {3, size, size}}};
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

/// One network of each family, and of each thing that a family can do.
std::map<std::string, ModelOptions> networks() {
  std::map<std::string, ModelOptions> all;
  for (const auto shortcut :
       {Shortcut::kA, Shortcut::kAEnd, Shortcut::kB, Shortcut::kNone}) {
    ResNetOptions resnet;
    resnet.depths = {1, 2};
    resnet.widths = {4, 8};
    resnet.shortcut = shortcut;
    all["resnet_" + std::string(name_of(shortcut))] = resnet;
    resnet.bottleneck = true;
    resnet.groups = 2;
    resnet.stem = Stem::kImageNet;
    all["bottleneck_" + std::string(name_of(shortcut))] = resnet;
  }
  DenseNetOptions densenet;
  densenet.block_config = {2, 2};
  densenet.growth_rate = 4;
  densenet.num_init_features = 8;
  densenet.drop_rate = 0.1;
  all["densenet"] = densenet;
  densenet.bn_size = 0;
  densenet.stem = Stem::kImageNet;
  all["densenet_plain_layers"] = densenet;
  for (const auto& activation : EnumNames<Activation>::values) {
    ConvNetOptions conv_net;
    conv_net.filters = {4, 8};
    conv_net.strides = {2, 2};
    conv_net.activation = activation.value;
    all["conv_net_" + std::string(activation.name)] = conv_net;
  }
  return all;
}

TEST(Export, OfEveryFamilyInEveryFormatEqualsItsNetwork) {
  TemporaryFolder folder;
  for (const auto& [name, options] : networks()) {
    SCOPED_TRACE(name);
    const auto network = settled(options, 32);
    for (size_t f = 0; f < std::size(kFormats); ++f) {
      const bool has_code = f < 2;
      for (const bool fold : {false, true}) {
        if (fold && !has_code) continue;
        const auto check = export_network(
            folder / kNames[f], network,
            {.format = kFormats[f], .program = {}, .fold = fold});
        EXPECT_LE(check.difference, fold ? 1e-5 : 1e-6) << kNames[f] << fold;
        EXPECT_EQ(check.shapes.size(),
                  options.index() == 0 ? 2u : 3u);  // conv_net: its own size.
      }
    }
  }
}

TEST(Export, BakesInWhatItsCallerWouldDo) {
  TemporaryFolder folder;
  const auto network = small_resnet();
  for (const auto format : {ExportFormat::kTorchScript, ExportFormat::kOnnx}) {
    for (const auto pixels :
         {Pixels::kNormalised, Pixels::kUnit, Pixels::kByte}) {
      for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16}) {
        if (format == ExportFormat::kOnnx && type == at::kBFloat16) continue;
        const ExportOptions options = {
            .format = format,
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
  for (size_t f = 0; f < std::size(kFormats); ++f) {
    SCOPED_TRACE(kNames[f]);
    const ExportOptions options = {.format = kFormats[f]};
    const auto path = folder / kNames[f];
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
  for (size_t f = 0; f < std::size(kFormats); ++f) {
    export_network(folder / kNames[f], network, {.format = kFormats[f]});
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
  for (const auto format : {ExportFormat::kTorchScript, ExportFormat::kOnnx}) {
    export_network(
        folder / (format == ExportFormat::kOnnx ? "baked.onnx" : "baked.pt"),
        network, {.format = format, .program = baked, .fold = true});
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
