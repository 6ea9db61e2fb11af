#include "tools/cli/processes.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <fstream>
#include <string_view>
#include <thread>

#include "tools/device.h"
#include "tools/distribute/c10d.h"
#include "tools/distribute/spawn.h"
#include "tools/distribute/watch.h"
#include "tools/error.h"
#include "tools/log.h"
#include "tools/train/options.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

/// Machines of a cluster do not start in the same second.
constexpr Watch::Seconds kMeeting{300};

/// When one has failed, for the others to find and to say what became of it:
/// longer than Watch::cause() takes.
constexpr std::chrono::seconds kLastWords{10};

/// This command, as it was typed.
std::vector<std::string> words_of_command() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) {
    words.push_back(word);
  }
  return words;
}

std::vector<std::string> words_of(const TrainArguments& args) {
  // The first as it was typed; args.program is for a shell.
  std::vector<std::string> words = {words_of_command().front(), args.command};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  add("-c", args.config);
  for (const auto& change : args.overrides) add("--set", change);
  add("-o", args.output);
  add("--device", args.device);
  if (args.fetch.offline) words.emplace_back("--offline");
  add("--nproc", std::to_string(args.nproc));
  if (args.resumes()) words.emplace_back("--resume");
  if (args.resumes() && !args.resume.front().empty()) {
    words.push_back(args.resume.front());
  }
  return words;
}

/// Each process of a machine has a GPU of its own.
torch::Device own_device(const std::string& name, const ProcessPlace& place) {
  if (name.starts_with("cuda:")) {
    throw ConfigError("device '" + name +
                      "': several processes have a GPU each; use cuda or auto");
  }
  take_gpu(place.local_rank);
  return resolve_device(name.empty() ? "auto" : name);
}

/// LibTorch's have a trace of calls behind it.
std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

/// Errors of LibTorch's, in which a lost connection is one of many.
bool is_of_connection(const std::exception& error) {
  if (dynamic_cast<const ConnectionError*>(&error) != nullptr) return true;
  const auto is_own = [&]<typename... Errors>(const Errors*...) {
    return (... || (dynamic_cast<const Errors*>(&error) != nullptr));
  };
  if (is_own(static_cast<const ConfigError*>(nullptr),
             static_cast<const FileError*>(nullptr),
             static_cast<const TrainingError*>(nullptr))) {
    return false;
  }
  const auto text = first_line(error);
  for (const char* word :
       {"gloo", "Gloo", "NCCL", "c10d", "TCPStore", "Connection"}) {
    if (text.find(word) != text.npos) return true;
  }
  return false;
}

/// What a process says when it ends by another's fault.
std::string end_of_run(const std::string& cause) {
  return "ends with the run: " + cause;
}

/// The main thread may wait for that other one for ever.
[[noreturn]] void end_at_once(const std::string& words) {
  spdlog::error(words);
  remove_unfinished_files();
  ::_exit(1);
}

}  // namespace

void add_nproc_option(CLI::App& command, int64_t& nproc) {
  constexpr int64_t kMost = 1024;
  command
      .add_option("--nproc", nproc,
                  "Processes of this machine that work together; those of "
                  "several machines a launcher starts, as torchrun or mpirun")
      ->check(CLI::Range(int64_t{1}, kMost));
}

void let_first_speak() {
  const auto place = place_of_process();
  if (place.size > 1) log_as_rank(place.rank);
}

bool starts_processes(int64_t nproc) {
  if (nproc < 2) return false;
  const auto place = place_of_process();
  if (place.size == 1) return true;
  if (place.size == nproc && place.by_nproc) return false;
  throw ConfigError("--nproc " + std::to_string(nproc) +
                    ": a launcher has started " + std::to_string(place.size) +
                    " processes already; drop --nproc");
}

int start_processes(const TrainArguments& args) {
  return run_processes(words_of(args), args.nproc, kLastWords);
}

int start_processes_of_command(int64_t nproc) {
  return run_processes(words_of_command(), nproc, kLastWords);
}

int with_fellows(const std::string& device, double timeout_s,
                 const std::function<int(const Fellows&)>& work) {
  const auto place = place_of_process();
  Fellows fellows;
  if (place.size == 1) return work(fellows);
  auto [collective, board] = meet(place, own_device(device, place), kMeeting,
                                  Watch::Seconds(timeout_s));
  fellows.collective = std::move(collective);
  Watch watch(std::move(board), place.rank, place.size,
              Watch::Seconds(timeout_s),
              place.launcher_holds_store ? "the launcher's store"
                                         : "rank 0, which holds the store,",
              [](const std::string& cause) { end_at_once(end_of_run(cause)); });
  try {
    const int exit_code = work(fellows);
    fellows.collective->any(false);  // All are through.
    watch.tell_success();
    return exit_code;
  } catch (const std::exception& error) {
    if (!is_of_connection(error)) {
      watch.tell_failure(error.what());
      if (place.rank == 0) watch.let_others_read();
      // What all say the first has said.
      constexpr Watch::Seconds kSoon{1};
      if (place.rank > 0 && watch.others_say(error.what(), kSoon)) return 1;
      throw;
    }
    // Its connections may wait for what does not come: not to be closed.
    const auto cause = watch.cause();
    watch.end_for(cause.empty() ? first_line(error) : cause);
    for (;;) std::this_thread::sleep_for(Watch::Seconds(1));  // It ends now.
  }
}

}  // namespace skipzoo
