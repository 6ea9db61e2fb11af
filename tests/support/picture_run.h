#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/make_pictures.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {

/// A folder for the photos of two classes, and for a run of moments on them.
class PictureRun : public testing::Test {
 protected:
  std::string path(const std::string& name) const {
    return (folder / name).string();
  }
  /// photos/<where>/<seed>.jpg, e.g. where = "train/cat".
  void write_picture(const std::string& where, int seed) const {
    folder.write("photos/" + where + "/" + std::to_string(seed) + ".jpg",
                 make_jpeg({.seed = seed}));
  }
  /// net.yaml, with these keys beside the others.
  void write_config(const std::string& data, const std::string& train) const {
    folder.write("net.yaml",
                 "model: {family: resnet, depths: [1], widths: [4], "
                 "num_classes: 2}\n"
                 "data: {dataset: image_folder, root: photos, image_size: 16, "
                 "crop_pct: 1.0, workers: 0, " +
                     data +
                     "}\n"
                     "train: {threads: 1, device: cpu, " +
                     train + "}\n");
  }
  /// By net.yaml, into the folder run.
  Finished train(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"train", "-c", path("net.yaml"), "-o",
                                          path("run")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_skipzoo(arguments);
  }

  TemporaryFolder folder;
};

}  // namespace skipzoo
