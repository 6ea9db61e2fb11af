// Weights by name, on the command line.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tests/support/environment.h"
#include "tests/support/expect_words.h"
#include "tests/support/http_server.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/run/predictor.h"
#include "tools/weights/http_get.h"
#include "tools/weights/write.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// A machine that has nothing and may fetch nothing.
class WeightsByName : public testing::Test {
 protected:
  /// In the folder.
  Finished run(const std::vector<std::string>& arguments) const {
    return run_skipzoo(arguments, folder.path().string());
  }
  std::string in_hub(const std::string& file) const {
    return (folder / "torch/hub/checkpoints" / file).string();
  }

  TemporaryFolder folder;
  const std::string picture =
      std::string(SKIPZOO_GOLDENS) + "/pictures/rgb.jpg";
  Variable home{"TORCH_HOME", (folder / "torch").string()};
  Variable offline{"SKIPZOO_OFFLINE", "1"};
};

TEST_F(WeightsByName, AreListed) {
  const auto all = nlohmann::json::parse(run({"weights", "--json"}).out);
  EXPECT_EQ(all.size(), 21u);
  const auto text = run({"weights"});
  for (const auto& one : all) {
    expect_words(text.out, one.at("name").get<std::string>());
    expect_words(text.out, one.at("config").get<std::string>());
    EXPECT_TRUE(one.at("file").is_null());
  }
  const auto file = folder.write("torch/hub/checkpoints/resnet50-0676ba61.pth",
                                 "not looked at");
  const auto some =
      nlohmann::json::parse(run({"weights", "resnet50", "--json"}).out);
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some[0].at("file"), file.string());
  EXPECT_EQ(some[1].at("default"), true);
  EXPECT_EQ(some[1].at("resize_size"), 232);
  expect_words(run({"weights", "resnet50:IMAGENET1K_V1"}).out, file.string());
}

TEST_F(WeightsByName, ThatAreMisspeltAreAnsweredWithTheNearest) {
  expect_words(run({"weights", "resnte50"}), 2,
               "weights: resnte50: no published weights have that name; did "
               "you mean resnet50?");
  expect_words(run({"predict", "resnet50:IMAGENET1K_V3", picture}), 1,
               "resnet50:IMAGENET1K_V3: no such file or folder, and no "
               "published weights have that name; did you mean "
               "resnet50:IMAGENET1K_V1?");
  expect_words(run({"inspect", "vgg16"}), 1,
               "'skipzoo weights' lists those that there are");
}

TEST_F(WeightsByName, ThatAreNotHereSayWhereToLayThem) {
  const std::string words =
      in_hub("resnet18-f37072fd.pth") +
      ": is not there, and --offline or SKIPZOO_OFFLINE forbids to fetch it "
      "from https://download.pytorch.org/models/resnet18-f37072fd.pth; it may "
      "be laid there by hand";
  folder.write("net.yaml",
               "model: {family: resnet, depths: [1], widths: [4]}\n"
               "data: {dataset: synthetic, image_size: 8}\n"
               "train: {device: cpu, threads: 1}\n");
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"predict", "resnet18", picture},
           {"evaluate", "resnet18"},
           {"export", "resnet18:DEFAULT", "--format", "onnx"},
           {"inspect", "resnet18:IMAGENET1K_V1"},
           {"convert", "resnet18", "out.safetensors"},
           {"weights", "--fetch", "resnet18"},
           {"fine-tune", "-c", "net.yaml", "--weights", "resnet18"},
           {"lr-find", "-c", "net.yaml", "--set", "fine_tune.weights=resnet18"},
           {"train", "-c", "net.yaml", "--set",
            "train.distill.teacher=resnet18"}}) {
    SCOPED_TRACE(arguments[0]);
    expect_words(run(arguments), 1, words);
  }
  // Without the variable too.
  const Variable online("SKIPZOO_OFFLINE", std::nullopt);
  expect_words(run({"predict", "resnet18", picture, "--offline"}), 1, words);
}

TEST_F(WeightsByName, AreFetchedByTheProxyOfTheEnvironment) {
  if (!can_fetch()) GTEST_SKIP() << "built without libcurl";
  HttpServer proxy(
      [](const auto&) { return HttpReply{.status = "403 Forbidden"}; });
  const Variable online("SKIPZOO_OFFLINE", std::nullopt);
  const Variable address("https_proxy", proxy.address());
  const Variable all_else("no_proxy", std::nullopt);
  expect_words(run({"weights", "--fetch", "resnet18"}), 1,
               in_hub("resnet18-f37072fd.pth") +
                   ": cannot be fetched from "
                   "https://download.pytorch.org/models/resnet18-f37072fd.pth");
  ASSERT_EQ(proxy.requests().size(), 1u);
  EXPECT_EQ(proxy.requests()[0].line,
            "CONNECT download.pytorch.org:443 HTTP/1.1");
  EXPECT_TRUE(fs::is_empty(folder / "torch/hub/checkpoints"));
}

TEST_F(WeightsByName, StandBackBehindAFileOfThatName) {
  write_pth(folder / "resnet18", {{"conv1.weight", torch::ones({2})}});
  const auto inspected = run({"inspect", "resnet18"});
  EXPECT_EQ(inspected.exit_code, 0) << inspected.err;
  expect_words(inspected.out, "conv1.weight");
  expect_words(inspected.err,
               "resnet18: the file or folder here, not the published weights");
  expect_words(run({"inspect", "resnet18:IMAGENET1K_V1"}), 1, "is not there");
}

TEST_F(WeightsByName, StandInFullInARunsConfig) {
  folder.write("sub/net.yaml",
               "model: {family: resnet}\n"
               "data: {dataset: synthetic, image_size: 8}\n"
               "fine_tune: {weights: resnet50}\n");
  const auto printed = run({"train", "-c", "sub/net.yaml", "--print-config"});
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  expect_words(printed.out, "weights: \"resnet50:IMAGENET1K_V2\"\n");
  folder.write("sub/resnet50", "a file, beside the config");
  const auto beside = run({"train", "-c", "sub/net.yaml", "--print-config"});
  expect_words(beside.out, "weights: " + (folder / "sub/resnet50").string());
}

TEST_F(WeightsByName, OfADamagedFileAreRefused) {
  folder.write("torch/hub/checkpoints/resnet18-f37072fd.pth", "damaged");
  expect_words(run({"predict", "resnet18", picture}), 1,
               in_hub("resnet18-f37072fd.pth") +
                   ": is not resnet18:IMAGENET1K_V1 as torchvision publishes "
                   "it: its SHA-256 is ");
}

// What is of no published name says which it might be.
TEST_F(WeightsByName, AreNamedWhereAFileIsCalledAsTheirs) {
  write_pth(folder / "resnet50-0676ba61.pth",
            {{"conv1.weight", torch::ones({2})}});
  expect_words(run({"predict", "resnet50-0676ba61.pth", picture}), 2,
               "name it by -c CONFIG, or give the weights by their name, "
               "resnet50:IMAGENET1K_V1");
}

// Weights of no training in the place of the published ones.
TEST_F(WeightsByName, PredictAsTheirConfigDoes) {
  torch::manual_seed(0);
  const auto* published = find_published("resnet18");
  const auto model = make_model(published->model());
  {
    const torch::NoGradGuard no_grad;
    model->forward(torch::randn({2, 3, 64, 64}));
  }
  const auto file = folder / "any.pth";
  write_pth(file, state_dict(*model));
  const Predictor by_name(load_network({.file = file, .device = "cpu"},
                                       {.file = file, .published = published}));
  const Predictor by_config(load_network(
      {.file = file,
       .config = std::string(SKIPZOO_CONFIGS) + "/imagenet/resnet18.yaml",
       .device = "cpu"}));
  const auto named = by_name.predict(picture, 3);
  const auto numbered = by_config.predict(picture, 3);
  ASSERT_EQ(named.size(), 3u);
  for (size_t i = 0; i < named.size(); ++i) {
    EXPECT_EQ(named[i].index, numbered[i].index);
    EXPECT_EQ(named[i].probability, numbered[i].probability);
    EXPECT_EQ(named[i].name,
              imagenet_categories()[static_cast<size_t>(named[i].index)]);
    EXPECT_EQ(numbered[i].name, std::to_string(numbered[i].index));
  }
}

}  // namespace
}  // namespace skipzoo
