#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/tensor.h"
#include "tools/data/batch.h"
#include "tools/data/dataset.h"

namespace skipzoo {

/// Throws ConfigError where the name ends neither in .npy nor in .csv.
void check_feature_file(const std::filesystem::path& file);

/// Embeddings of pictures, kept until they are written.
class FeatureTable {
 public:
  explicit FeatureTable(DatasetPtr pictures) : pictures_(std::move(pictures)) {}

  /// embeddings: float32 (N, features), of the batch's pictures.
  void add(const Batch& batch, const torch::Tensor& embeddings);
  /// A .npy: float32 (pictures, features), in the order of the answers; a .csv:
  /// a line of headings, and in each line the picture's name first.
  void write(const std::filesystem::path& file) const;

 private:
  void write_npy(const std::filesystem::path& file) const;
  void write_csv(const std::filesystem::path& file) const;

  DatasetPtr pictures_;
  std::vector<int64_t> indices_;
  std::vector<float> values_;
};

}  // namespace skipzoo
