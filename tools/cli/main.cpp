#include <c10/util/Exception.h>
#include <spdlog/spdlog.h>
#include <torch/version.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "tools/cli/commands.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/log.h"

namespace skipzoo {
namespace {

constexpr int kWentWrong = 1;
constexpr int kBadUsage = 2;
constexpr int kInternal = 3;

std::string version() {
  std::string text = "skipzoo " SKIPZOO_VERSION ", LibTorch " TORCH_VERSION;
#ifdef SKIPZOO_TORCH_CUDA
  text += " with CUDA";
#else
  text += " without CUDA";
#endif
  return text + ", compiler " __VERSION__;
}

int run(int argc, char** argv) {
  CLI::App app{
      "Trains and evaluates residual and dense networks from one YAML file."};
  app.footer("Example:\n  skipzoo train -c configs/digits/resnet20.yaml");
  app.set_version_flag("--version", version());
  app.require_subcommand(1);
  int exit_code = 0;
  add_train(app, exit_code);
  add_fine_tune(app, exit_code);
  add_evaluate(app);
  add_predict(app, exit_code);
  add_export(app);
  add_benchmark(app);
  add_describe(app);
  add_inspect(app);
  add_convert(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadUsage;
  }
  return exit_code;
}

/// The one place where an error becomes words and an exit code.
int main_with_errors(int argc, char** argv) {
  prepare_process();
  start_log();
  try {
    const int exit_code = run(argc, argv);
    if (!std::cout.flush()) {
      throw std::runtime_error("standard output: cannot be written");
    }
    return exit_code;
  } catch (const ConfigError& error) {
    std::cerr << error.what() << '\n';
    return kBadUsage;
  } catch (const c10::Error& error) {
    spdlog::error("internal error: {}", error.what_without_backtrace());
    return kInternal;
  } catch (const std::runtime_error& error) {
    spdlog::error("{}", error.what());
    return kWentWrong;
  } catch (const std::exception& error) {
    spdlog::error("internal error: {}", error.what());
    return kInternal;
  }
}

}  // namespace
}  // namespace skipzoo

int main(int argc, char** argv) {
  return skipzoo::main_with_errors(argc, argv);
}
