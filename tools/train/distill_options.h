#pragma once

#include <filesystem>
#include <string_view>

#include "models/fields.h"
#include "tools/weights/weights_path.h"

namespace skipzoo {

/// Another network that training learns from beside its targets (Hinton et al.
/// 2015, arXiv:1503.02531).
struct DistillOptions {
  /// A run folder, checkpoint, exported program, weight file or published
  /// weights by name; empty: none.
  WeightsPath teacher = {};
  /// The teacher's config, of a weight file or instead of its own.
  std::filesystem::path config = {};
  /// The teacher's share of the loss; with 0 it is not asked.
  double weight = 0.5;
  /// What the logits of both are divided by before the softmax (section 2).
  double temperature = 4;

  template <typename Fields>
  void describe(Fields& field) {
    field("teacher", teacher,
          "run, checkpoint, exported program, weight file or published weights "
          "by name, to learn from");
    field("config", config,
          "the teacher's config, where its file does not say it");
    field("weight", weight, "the teacher's share of the loss", between(0, 1));
    field("temperature", temperature,
          "what logits are divided by before the teacher's and the network's "
          "are compared",
          between(0.01, 100));
  }
  bool enabled() const { return !teacher.empty(); }
  bool uses(std::string_view key) const {
    return key == "teacher" || enabled();
  }
};

}  // namespace skipzoo
