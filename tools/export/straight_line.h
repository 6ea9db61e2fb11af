#pragma once

#include <filesystem>

namespace torch::jit {
struct Module;
}

namespace skipzoo {

/// Loads the module of a TorchScript archive as write_torchscript() makes it,
/// on the CPU: one method, forward, whose operators run one after another, each
/// of those that a network of the zoo has. Whatever else the language can say
/// is refused before any of it runs, so that a program ends, and reads and
/// writes no file. Throws FileError.
torch::jit::Module load_straight_line(const std::filesystem::path& path);

}  // namespace skipzoo
