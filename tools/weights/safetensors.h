#pragma once

#include <memory>

#include "tools/weights/input_file.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

/// Hugging Face's format: an 8-byte length, a JSON header, the data. Errors are
/// std::runtime_error without the path.
WeightFile read_safetensors(const std::shared_ptr<const InputFile>& file,
                            const ReadOptions& options);
/// Whether a file begins with the length of a header, and this with a brace.
bool is_safetensors(const InputFile& file);

}  // namespace skipzoo
