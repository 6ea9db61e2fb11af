#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "models/named_tensors.h"

namespace caffe2::serialize {
class PyTorchStreamWriter;
}

namespace skipzoo {

class OutputFile;

/// Writes a state dict as torch.save does: Python's
/// torch.load(weights_only=True) reads it. Throws FileError.
void write_pth(OutputFile& file, const NamedTensors& tensors);
/// The same as write_output() writes a file, of tensors of others: throws
/// FileError naming one of a type or name that the format does not know.
void write_pth(const std::filesystem::path& path, const NamedTensors& tensors);

/// Writes Hugging Face's format, tensors one behind the other in the order
/// given, of names and types that the format knows. Throws FileError.
void write_safetensors(OutputFile& file, const NamedTensors& tensors);
/// The same as write_output() writes a file, of tensors of others: throws
/// FileError naming one of a type or name that the format does not know.
void write_safetensors(const std::filesystem::path& path,
                       const NamedTensors& tensors);

/// Has `write` fill an archive of LibTorch's, a zip with aligned records.
/// Throws FileError.
void write_archive(
    OutputFile& file,
    const std::function<void(caffe2::serialize::PyTorchStreamWriter&)>& write);

/// Writes `name`.pkl, a dict of tensors as Python pickles it, and their data
/// into a zip that may hold more.
void write_tensors(caffe2::serialize::PyTorchStreamWriter& writer,
                   const std::string& name, const NamedTensors& tensors);

}  // namespace skipzoo
