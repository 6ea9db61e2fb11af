#pragma once

#include <filesystem>
#include <memory>

#include "tools/weights/mapped_file.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

// The formats of torch.save. Each takes a file that is known to be one; errors
// are std::runtime_error or c10::Error without the path.

/// Since 1.6: a zip whose data.pkl is the pickle and data/0 … the storages.
/// Also TorchScript archives and checkpoints of ours, which have that part.
WeightFile read_torch_zip(const std::filesystem::path& path,
                          const std::shared_ptr<const MappedFile>& file,
                          const ReadOptions& options);

/// Before 1.6: pickles of a magic number, the protocol and the system, the
/// object, the keys of the storages; then these, each behind its length.
WeightFile read_torch_legacy(const std::shared_ptr<const MappedFile>& file,
                             const ReadOptions& options);

}  // namespace skipzoo
