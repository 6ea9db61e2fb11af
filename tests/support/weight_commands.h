#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "models/zoo.h"
#include "tests/support/copy_of.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tools/weights/write.h"

namespace skipzoo {

/// Weights of a small ResNet whose statistics have settled.
inline NamedTensors trained_weights(Shortcut shortcut = Shortcut::kB) {
  torch::manual_seed(0);
  ResNetOptions options;
  options.depths = {1, 1};
  options.widths = {4, 8};
  options.shortcut = shortcut;
  options.num_classes = 5;
  const auto model = make_model(options);
  const torch::NoGradGuard no_grad;
  model->forward(torch::randn({8, 3, 16, 16}));
  return copy_of(*model);
}

/// A folder for weight files, and the config of their network.
class WeightCommands : public testing::Test {
 protected:
  void SetUp() override {
    config_ = folder.write("net.yaml", config("B")).string();
  }
  static std::string config(const std::string& shortcut) {
    return "model: {family: resnet, depths: [1, 1], widths: [4, 8], "
           "shortcut: " +
           shortcut +
           ", num_classes: 5}\n"
           "data: {dataset: synthetic, synthetic_images: 16, image_size: 16, "
           "batch_size: 8, workers: 0}\n"
           "train: {epochs: 1, threads: 1, device: cpu, schedule: {name: "
           "constant}}\n";
  }
  std::string path(const std::string& name) const {
    return (folder / name).string();
  }
  std::string write(const std::string& name, const NamedTensors& tensors) {
    write_pth(folder / name, tensors);
    return path(name);
  }
  Finished evaluate(const std::string& file,
                    const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {"evaluate", file, "-c", config_, "--json"};
    all.insert(all.end(), more.begin(), more.end());
    return run_skipzoo(all);
  }
  static void expect_says(const Finished& finished, int exit_code,
                          const std::string& words) {
    EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
    EXPECT_NE(finished.err.find(words), std::string::npos) << finished.err;
  }

  TemporaryFolder folder;
  std::string config_;
};

}  // namespace skipzoo
