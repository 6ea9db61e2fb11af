#pragma once

#include <filesystem>
#include <memory>

#include "tools/weights/mapped_file.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

/// Hugging Face's format: an 8-byte length, a JSON header, the data. Errors are
/// std::runtime_error without the path.
WeightFile read_safetensors(const std::shared_ptr<const MappedFile>& file,
                            const ReadOptions& options);

/// A model.safetensors.index.json, which says in which of the files beside it
/// each tensor is.
WeightFile read_safetensors_index(const std::filesystem::path& path,
                                  const std::shared_ptr<const MappedFile>& file,
                                  const ReadOptions& options);

}  // namespace skipzoo
