#include <spdlog/spdlog.h>

#include "models/classifier.h"
#include "models/kernels/ops/autocast.h"
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
                  "with -c; where there is none of that name, published "
                  "weights (resnet50; see 'skipzoo weights')")
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
  add_fetch_options(command, source.fetch);
}

void add_dtype_option(CLI::App& command, NetworkSource& source) {
  command
      .add_option_function<Amp>(
          "--dtype", [&source](const Amp& amp) { source.amp = amp; },
          "fp32, bf16, or on CUDA fp16; else train.amp, or a program's own")
      ->transform(one_of<Amp>(
          {{"fp32", Amp::kOff}, {"bf16", Amp::kBf16}, {"fp16", Amp::kFp16}}))
      ->type_name("fp32|bf16|fp16");
}

void add_raw_option(CLI::App& command, NetworkSource& source) {
  command.add_flag("--raw", source.raw,
                   "The weights that training moved, where a checkpoint is "
                   "used by their moving average");
}

void add_tta_option(CLI::App& command, NetworkSource& source) {
  command
      .add_option_function<Views>(
          "--tta", [&source](const Views& views) { source.views = views; },
          "Test-time augmentation: none, or hflip, the mean over a picture and "
          "its mirror image, in twice the time")
      ->transform(
          one_of<Views>({{"none", Views::kPicture}, {"hflip", Views::kHflip}}))
      ->type_name("none|hflip");
}

void say_what_dtype_does(const LoadedNetwork& network,
                         const NetworkSource& source) {
  if (network.is_program() || !network.device.is_cpu()) return;
  if (network.config.train.amp == Amp::kFp16) {
    spdlog::info("train.amp: fp16 is for CUDA: computed in float32 on the CPU");
  }
  const bool is_bf16 = network.config.train.amp == Amp::kBf16;
  if (is_bf16 && !convolves_bfloat16()) {
    spdlog::warn(
        "bf16 saves no time here: this processor has no instructions for it, "
        "so it is computed in float32");
  } else if (!is_bf16 && !source.amp && convolves_bfloat16() &&
             network.model->kernels() != Kernels::kReference) {
    // Its answers differ in the third digit: it is asked for, never taken.
    spdlog::info(
        "this processor has instructions for bfloat16: --dtype bf16 is faster, "
        "and rounds to three digits");
  }
}

}  // namespace skipzoo
