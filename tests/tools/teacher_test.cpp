// A teacher from files: each kind of file answers as its network does on
// pictures of its own size and normalisation.

#include "tools/run/teacher.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "models/eval_mode.h"
#include "models/zoo.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/error.h"
#include "tools/export/export.h"

namespace skipzoo {
namespace {

using Names = std::vector<std::string>;

/// A config for synthetic pictures, of 3 classes unless said otherwise.
RunConfig config_for(int64_t size, const std::vector<double>& mean,
                     const std::vector<double>& std) {
  RunConfig config;
  ResNetOptions net;
  net.depths = {1, 1};
  net.widths = {4, 8};
  net.num_classes = 3;
  config.model = net;
  config.data.dataset = DatasetKind::kSynthetic;
  config.data.image_size = size;
  config.data.mean = mean;
  config.data.std = std;
  config.train.device = "cpu";
  return config;
}

/// A network for pictures of 16 x 16 in each kind of file, and a run that is to
/// learn from it on pictures of 8 x 8.
class Teaching : public testing::Test {
 protected:
  Teaching() {
    torch::manual_seed(0);
    auto config = config_for(16, {0.5, 0.4, 0.3}, {0.2, 0.3, 0.4});
    config.train.threads = 1;
    model_ = make_model(config.model);
    {
      // So that its logits are not all alike.
      const torch::NoGradGuard no_grad;
      for (auto& parameter : model_->parameters()) parameter.mul_(1.4);
    }
    normalise_ = Normaliser(config.data.mean, config.data.std, torch::kCPU);
    Checkpoint checkpoint;
    checkpoint.metadata = {.config = dump_config(config),
                           .classes = {"cat", "dog", "eel"},
                           .mean = config.data.mean,
                           .std = config.data.std,
                           .input_shape = {3, 16, 16}};
    checkpoint.weights = state_dict(*model_);
    checkpoint.sections["metrics"] = {{"", torch::zeros({4}, torch::kDouble)}};
    folder_.write("run/config.yaml", "");
    save_checkpoint(folder_ / "run/best.skz", checkpoint);
    folder_.write("net.yaml", dump_config(config));
    const Exportable network{.model = config.model,
                             .weights = checkpoint.weights,
                             .metadata = checkpoint.metadata};
    const auto write = [&](const std::string& name, Pixels pixels,
                           bool softmax) {
      export_network(folder_ / name, network,
                     {.program = {.pixels = pixels,
                                  .mean = config.data.mean,
                                  .std = config.data.std,
                                  .softmax = softmax}});
    };
    write("normalised.pt", Pixels::kNormalised, false);
    write("unit.pt", Pixels::kUnit, false);
    write("byte.pt", Pixels::kByte, false);
    write("softmax.pt", Pixels::kByte, true);
    export_network(folder_ / "weights.safetensors", network,
                   {.format = ExportFormat::kSafetensors});
    student_ = config_for(8, {0.1, 0.2, 0.6}, {0.5, 0.6, 0.7});
  }

  Teacher load(const std::string& file,
               const Names& classes = {"cat", "dog", "eel"}) {
    student_.train.distill.teacher = folder_ / file;
    return load_teacher(student_, classes, torch::kCPU);
  }
  std::string error_of_loading(const std::string& file,
                               const Names& classes = {"cat", "dog", "eel"}) {
    return words_of_error([&] { load(file, classes); });
  }

  TemporaryFolder folder_;
  std::shared_ptr<Classifier> model_;
  Normaliser normalise_{{}, {}, torch::kCPU};
  RunConfig student_;
};

TEST_F(Teaching, EachKindOfFileAnswersByItsOwnPreprocessing) {
  const auto pixels = torch::randint(256, {5, 3, 8, 8}, torch::kByte);
  const auto images = make_preprocessing(student_, torch::kCPU)(pixels);
  // By hand: to its size by interpolation of pixels, then its mean and std.
  const auto larger = torch::nn::functional::interpolate(
      pixels.to(torch::kFloat), torch::nn::functional::InterpolateFuncOptions()
                                    .size(std::vector<int64_t>{16, 16})
                                    .mode(torch::kBilinear)
                                    .align_corners(false));
  torch::Tensor expected;
  {
    const torch::NoGradGuard no_grad;
    const EvalMode eval(*model_);
    expected = model_->forward(normalise_(larger));
  }
  std::vector<std::string> identities;
  for (const char* file : {"run", "run/best.skz", "normalised.pt", "unit.pt",
                           "byte.pt", "weights.safetensors", "softmax.pt"}) {
    const bool is_weights = std::string(file) == "weights.safetensors";
    student_.train.distill.config = is_weights ? folder_ / "net.yaml" : "";
    const auto teacher = load(file);
    auto logits = teacher.logits(images);
    EXPECT_FALSE(logits.requires_grad());
    const bool is_softmax = std::string(file) == "softmax.pt";
    const auto wanted = is_softmax ? expected.log_softmax(1) : expected;
    EXPECT_TRUE(torch::allclose(logits, wanted, 1e-3, 1e-3)) << file << "\n"
                                                             << logits << "\n"
                                                             << wanted;
    // Another number of images, as at the end of an epoch.
    EXPECT_TRUE(torch::allclose(teacher.logits(images.narrow(0, 0, 2)),
                                wanted.narrow(0, 0, 2), 1e-3, 1e-3));
    if (!is_softmax) identities.push_back(teacher.identity);
  }
  // A run's folder, its checkpoint and its weights are one teacher.
  EXPECT_EQ(identities[0], identities[1]);
  EXPECT_EQ(identities[0], identities[5]);
}

TEST_F(Teaching, ThereIsNoneWhereNoneIsNamed) {
  student_.train.distill = {};
  EXPECT_FALSE(load_teacher(student_, {"a", "b", "c"}, torch::kCPU).logits);
}

TEST_F(Teaching, LeavesTheThreadsOfTheRun) {
  const int before = at::get_num_threads();
  student_.train.threads = 2;
  load("run");
  EXPECT_EQ(at::get_num_threads(), 2);
  at::set_num_threads(before);
}

void expect_ends(const std::string& text, const std::string& end) {
  EXPECT_TRUE(text.ends_with(end)) << text;
}

TEST_F(Teaching, WhatDoesNotFitIsSaidAtItsKey) {
  const std::string key = "; it is named by train.distill.teacher";
  expect_ends(error_of_loading("absent.skz"),
              "absent.skz: no such file or folder" + key);
  folder_.write("broken.skz", "no weights");
  expect_ends(error_of_loading("broken.skz"), key);
  expect_ends(error_of_loading("weights.safetensors"),
              "weights.safetensors: says nothing of its network; name its "
              "config by train.distill.config" +
                  key);
  // Another network than the config's.
  auto other = config_for(16, {}, {});
  std::get<ResNetOptions>(other.model).widths = {4, 4};
  student_.train.distill.config =
      folder_.write("other.yaml", dump_config(other));
  const auto misfit = error_of_loading("weights.safetensors");
  EXPECT_NE(misfit.find("does not fit the network of the config"),
            std::string::npos)
      << misfit;
  student_.train.distill.config.clear();

  for (const char* file : {"run", "unit.pt"}) {
    const auto where =
        "train.distill.teacher: " + (folder_ / file).string() + ": ";
    std::get<ResNetOptions>(student_.model).num_classes = 4;
    EXPECT_EQ(error_of_loading(file),
              where + "knows 3 classes, model.num_classes is 4");
    std::get<ResNetOptions>(student_.model).num_classes = 3;
    std::get<ResNetOptions>(student_.model).in_channels = 1;
    student_.data.mean = student_.data.std = {0.5};
    EXPECT_EQ(error_of_loading(file),
              where + "takes pictures of 3 channels, model.in_channels is 1");
    student_ = config_for(8, {0.1, 0.2, 0.6}, {0.5, 0.6, 0.7});
    EXPECT_EQ(error_of_loading(file, {"cat", "eel", "dog"}),
              where +
                  "has the classes in another order: the first that "
                  "differs is 'dog' there, 'eel' in the data");
    // Other names may mean the same.
    EXPECT_EQ(error_of_loading(file, {"n01", "n02", "n03"}), "");
  }
}

}  // namespace
}  // namespace skipzoo
