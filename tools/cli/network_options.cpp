#include "tools/cli/commands.h"
#include "tools/cli/run.h"

namespace skipzoo {

void add_network_options(CLI::App& command, NetworkSource& source) {
  command
      .add_option("checkpoint", source.file,
                  "A run folder, a file from 'train' or 'export', or weights "
                  "with -c")
      ->required();
  command.add_option("-c,--config", source.config,
                     "The network and data of a weight file; else the "
                     "checkpoint's own");
  command.add_option("--set", source.overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  command.add_option("--device", source.device,
                     "auto, cpu, cuda or cuda:<index>; else train.device");
}

}  // namespace skipzoo
