#include "tools/cli/commands.h"
#include "tools/cli/run.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

/// What is exported for ONNX Runtime does not come back.
std::string refuse_onnx(const std::string& file) {
  if (std::filesystem::path(file).extension() != ".onnx") return "";
  throw FileError(file,
                  "ONNX is for ONNX Runtime, and not read here; give the run "
                  "folder, the .skz it was exported from, or an export by "
                  "--format torchscript");
}

}  // namespace

void add_network_options(CLI::App& command, NetworkSource& source) {
  command
      .add_option("checkpoint", source.file,
                  "A run folder, a file from 'train' or 'export', or weights "
                  "with -c")
      ->required()
      ->check(CLI::Validator(refuse_onnx, ""));
  command.add_option("-c,--config", source.config,
                     "The network and data of a weight file; else the "
                     "checkpoint's own");
  command.add_option("--set", source.overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  command.add_option("--key", source.key,
                     "Which of several networks in a weight file: teacher, "
                     "model.state_dict");
  command.add_option("--device", source.device,
                     "auto, cpu, cuda or cuda:<index>; else train.device");
}

}  // namespace skipzoo
