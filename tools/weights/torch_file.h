#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/weights/input_file.h"
#include "tools/weights/pickle.h"
#include "tools/weights/weight_file.h"
#include "tools/weights/zip_file.h"

namespace skipzoo {

// The formats of torch.save. Each takes a file that is known to be one; errors
// are std::runtime_error, or c10::Error, without the path.

/// Since 1.6: a zip whose data.pkl is the pickle and data/0 … the storages.
/// Also TorchScript archives and checkpoints of ours, which have that part.
WeightFile read_torch_zip(const std::shared_ptr<const InputFile>& file,
                          const ReadOptions& options);

/// Before 1.6: pickles of a magic number, the protocol and the system, the
/// object, the keys of the storages; then these, each behind its length.
WeightFile read_torch_legacy(const std::shared_ptr<const InputFile>& file,
                             const ReadOptions& options);
/// Whether a file begins as those do, in any of pickle's protocols.
bool is_torch_legacy(const InputFile& file);

/// PyTorch 0.1: a tar of sys_info, storages, tensors and pickle.
WeightFile read_torch_tar(const std::shared_ptr<const InputFile>& file,
                          const ReadOptions& options);
bool is_tar(const InputFile& file);

/// Throws std::runtime_error where the facts on a system, in both of the older
/// formats, say that it was a big-endian one.
void require_little_endian(const Pickle& system);

/// The dict of tensors in `name`.pkl of a zip, whose storages are `name`/0 ….
NamedTensors read_zip_tensors(const ZipFile& zip, const InputFile& file,
                              const std::string& name);
/// A pickle in a zip. No checkpoint's is of a gigabyte.
std::vector<uint8_t> read_zip_pickle(const ZipFile& zip,
                                     const std::string& name);

}  // namespace skipzoo
