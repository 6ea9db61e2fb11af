#include <spdlog/spdlog.h>

#include "tools/cli/commands.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/run/found_weights.h"
#include "tools/weights/remarks.h"
#include "tools/weights/weight_file.h"
#include "tools/weights/write.h"

namespace skipzoo {

void add_convert(CLI::App& app) {
  struct Arguments {
    std::filesystem::path from;
    std::filesystem::path to;
    std::string key;
    bool ema = false;
    FetchOptions fetch;
  };
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "convert", "Write the weights of a file as .pth or .safetensors");
  command
      ->add_option("in", args->from,
                   "Any file that 'inspect' reads, or published weights by "
                   "name")
      ->required();
  command->add_option("out", args->to, "A name that ends in the new format")
      ->required();
  command->add_option("--key", args->key,
                      "Which of several networks in it: teacher, "
                      "model.state_dict");
  command->add_flag("--ema", args->ema,
                    "The averaged weights of a training checkpoint");
  add_fetch_options(*command, args->fetch);
  command->footer(
      "Example:\n  skipzoo convert resnet20.th resnet20.safetensors");
  command->callback([args] {
    const auto format = args->to.extension();
    if (format != ".pth" && format != ".safetensors") {
      throw ConfigError("convert: '" + args->to.string() +
                        "' must end in .pth or .safetensors");
    }
    const auto from = find_weights(args->from, args->fetch).file;
    refuse_to_overwrite(from, args->to);
    const auto file =
        read_weight_file(from, {.key = args->key, .prefer_ema = args->ema});
    if (args->ema && !file.averaged) {
      throw FileError(from, "holds no averaged weights; drop --ema");
    }
    log_remarks(file);
    if (format == ".pth") {
      write_pth(args->to, file.tensors);
    } else {
      write_safetensors(args->to, file.tensors);
    }
    spdlog::info("{}: {} tensors from {}", args->to.string(),
                 file.tensors.size(), kind_text(file.kind));
  });
}

}  // namespace skipzoo
