#pragma once

#include <map>
#include <string>

#include "tools/export/program.h"

namespace skipzoo {

class OutputFile;

/// Files kept in an archive, by name.
using ExtraFiles = std::map<std::string, std::string>;

/// Writes a program as a TorchScript archive: torch.jit.load() gives a module
/// in evaluation mode, with submodules, parameters and buffers under their
/// names. Throws FileError.
void write_torchscript(OutputFile& file, const Program& program,
                       const ExtraFiles& extra);

}  // namespace skipzoo
