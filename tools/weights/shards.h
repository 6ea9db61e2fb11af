#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "tools/weights/input_file.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

/// Reads a file beside an index: any of weights but another index.
using ReadShard = std::function<WeightFile(const std::filesystem::path&)>;

/// A model.safetensors.index.json or pytorch_model.bin.index.json, which says
/// in which of the files beside it each tensor is. wants_some: `read` leaves
/// out what is not wanted. What a file has that the index does not name is left
/// out. Errors are std::runtime_error without the path.
WeightFile read_index(const std::shared_ptr<const InputFile>& file,
                      bool wants_some, const ReadShard& read);

}  // namespace skipzoo
