#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tools/cli/resume.h"
#include "tools/data/loader.h"
#include "tools/distribute/place.h"
#include "tools/train/collective.h"

namespace CLI {
class App;
}

namespace skipzoo {

// Several processes that train one network together.

/// --nproc.
void add_nproc_option(CLI::App& command, int64_t& nproc);

/// Starts args.nproc copies of this command, and waits for them. Returns their
/// exit code (run_processes()).
int start_processes(const TrainArguments& args);
/// The same of any command, as it was typed, but for --nproc.
int start_processes_of_command(int64_t nproc);

/// Of several processes, the first alone says what all would: before anything
/// is said.
void let_first_speak();

/// Whether a command with --nproc is to start others, rather than being one of
/// them. Throws ConfigError where it is one of another number.
bool starts_processes(int64_t nproc);

/// What a run of this process needs of the others.
struct Fellows {
  std::shared_ptr<Collective> collective = single_process();
  bool is_first() const { return collective->rank() == 0; }
  Shard shard() const { return {collective->rank(), collective->size()}; }
};

/// Meets the other processes, where a launcher started several, and has `work`
/// done with them. Each learns of another's end (Watch), and ends. device: its
/// name; several processes have a GPU each (take_gpu()). Returns what `work`
/// does, throws as it does; where it cannot go on for what became of another,
/// it says so and exits with 1.
int with_fellows(const std::string& device, double timeout_s,
                 const std::function<int(const Fellows&)>& work);

}  // namespace skipzoo
