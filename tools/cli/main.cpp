#include <c10/util/Exception.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tools/cli/about_run.h"
#include "tools/cli/commands.h"
#include "tools/cli/hints.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/standard_streams.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/log.h"
#include "tools/printable.h"

namespace skipzoo {
namespace {

constexpr int kWentWrong = 1;
constexpr int kBadUsage = 2;
constexpr int kInternal = 3;

int run(int argc, char** argv) {
  CLI::App app{
      "Trains and evaluates residual and dense networks from one YAML file."};
  app.footer("Example:\n  skipzoo train -c configs/digits/resnet20.yaml");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  int exit_code = 0;
  add_data(app, exit_code);
  add_init(app);
  add_train(app, exit_code);
  add_fine_tune(app, exit_code);
  add_evaluate(app, exit_code);
  add_predict(app, exit_code);
  add_export(app);
  add_benchmark(app, exit_code);
  add_plan(app);
  add_lr_find(app);
  add_study(app, exit_code);
  add_report(app);
  add_describe(app);
  add_inspect(app);
  add_convert(app);
  add_weights(app);
  const std::vector<std::string> arguments(argv + std::min(argc, 1),
                                           argv + argc);
  check_subcommand(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) == 0) return 0;
    const auto hint = hint_for(app, arguments);
    if (!hint.empty()) std::cerr << hint << '\n';
    return kBadUsage;
  }
  return exit_code;
}

/// More than a machine has is asked for by a config or a file, not by us.
bool is_want_of_memory(const c10::Error& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) {
    return true;
  }
  const std::string text = error.what_without_backtrace();
  for (const char* words :
       {"can't allocate memory", "not enough memory", "out of memory",
        "Storage size calculation", "multiplication overflow",
        "CUBLAS_STATUS_ALLOC_FAILED"}) {
    if (text.find(words) != std::string::npos) return true;
  }
  return false;
}

/// why: LibTorch's words, of which a person needs how much it was.
int without_memory(std::string why) {
  for (const char* words : {"you tried to allocate", "Tried to allocate"}) {
    const auto at = why.find(words);
    if (at != std::string::npos) why = why.substr(at, why.find(". ", at) - at);
  }
  spdlog::error(
      "not enough memory; a smaller data.batch_size, smaller pictures or fewer "
      "channels may help{}{}",
      why.empty() ? "" : ": ", why);
  return kWentWrong;
}

/// The one place where an error becomes words and an exit code.
int run_with_errors(int argc, char** argv) {
  try {
    const int exit_code = run(argc, argv);
    std::cout.flush();
    return exit_code;
  } catch (const ConfigError& error) {
    // The config may be one that a weight file holds.
    std::cerr << printable_message(error.what()) << '\n';
    return kBadUsage;
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    if (is_want_of_memory(error)) {
      return without_memory(text.substr(0, text.find('\n')));
    }
    spdlog::error("internal error: {}", text);
    return kInternal;
  } catch (const nlohmann::json::type_error& error) {
    // Names come from files of others; JSON knows UTF-8 alone.
    spdlog::error("a name that is not UTF-8 cannot be put as JSON: {}",
                  error.what());
    return kWentWrong;
  } catch (const std::bad_alloc&) {
    return without_memory("");
  } catch (const std::length_error& error) {
    return without_memory(error.what());
  } catch (const std::runtime_error& error) {
    spdlog::error("{}", error.what());
    return kWentWrong;
  } catch (const std::exception& error) {
    spdlog::error("internal error: {}", error.what());
    return kInternal;
  }
}

/// What was printed before an error stays.
int main_with_errors(int argc, char** argv) {
  reserve_standard_streams();
  ignore_signals_of_writing();
  clean_up_when_ended();
  prepare_process();
  start_log();
  const CheckedOutput output;
  const int exit_code = run_with_errors(argc, argv);
  if (exit_code != 0) {
    try {
      std::cout.flush();
    } catch (const std::exception&) {
      // The error that came first has been told.
    }
  }
  return exit_code;
}

}  // namespace
}  // namespace skipzoo

int main(int argc, char** argv) {
  return skipzoo::main_with_errors(argc, argv);
}
