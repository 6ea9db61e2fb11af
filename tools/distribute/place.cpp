#include "tools/distribute/place.h"

#include <charconv>
#include <cstdlib>

#include "tools/error.h"

namespace skipzoo {

namespace {

constexpr int64_t kMostProcesses = 1 << 20, kMostPorts = 65535;

/// The names under which a launcher says what it says.
struct Launcher {
  const char* rank;
  const char* size;
  const char* local_rank;
};
// srun's own: in a batch script, which runs once, SLURM_NTASKS is there too.
constexpr Launcher kLaunchers[] = {
    {"RANK", "WORLD_SIZE", "LOCAL_RANK"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"}};

int64_t number_in(const Environment& environment, const char* name,
                  int64_t least, int64_t most) {
  const auto text = environment(name);
  int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stop == end && number >= least &&
      number <= most) {
    return number;
  }
  throw ConfigError(std::string(name) + ": expected a number from " +
                    std::to_string(least) + " to " + std::to_string(most) +
                    " in the environment, got '" + text + "'");
}

/// Of srun, the machine of its first task.
std::string address_in(const Environment& environment) {
  for (const char* name : {"MASTER_ADDR", "SLURM_LAUNCH_NODE_IPADDR"}) {
    const auto address = environment(name);
    if (!address.empty()) return address;
  }
  return ProcessPlace().address;
}

/// Of a launcher that names no port, one that other jobs of the machine hardly
/// have.
int64_t port_in(const Environment& environment) {
  if (!environment("MASTER_PORT").empty()) {
    return number_in(environment, "MASTER_PORT", 1, kMostPorts);
  }
  constexpr int64_t kFirst = 15000, kSome = 10000;
  for (const char* job :
       {"SLURM_JOB_ID", "PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"}) {
    const auto id = environment(job) + environment("SLURM_STEP_ID");
    if (environment(job).empty()) continue;
    uint64_t mixed = 14695981039346656037U;  // FNV-1a.
    for (const char c : id) {
      mixed = (mixed ^ static_cast<unsigned char>(c)) * 1099511628211U;
    }
    return kFirst + static_cast<int64_t>(mixed % kSome);
  }
  return ProcessPlace().port;
}

}  // namespace

std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

ProcessPlace place_of_process(const Environment& environment) {
  ProcessPlace place;
  for (const auto& launcher : kLaunchers) {
    if (environment(launcher.size).empty()) continue;
    place.size = number_in(environment, launcher.size, 1, kMostProcesses);
    if (place.size == 1) return place;
    place.rank = number_in(environment, launcher.rank, 0, place.size - 1);
    if (!environment(launcher.local_rank).empty()) {
      place.local_rank =
          number_in(environment, launcher.local_rank, 0, kMostProcesses);
    }
    place.address = address_in(environment);
    place.port = port_in(environment);
    place.launcher_holds_store =
        environment("TORCHELASTIC_USE_AGENT_STORE") == "True";
    if (place.launcher_holds_store) {
      place.prefix =
          "/worker/attempt_" + environment("TORCHELASTIC_RESTART_COUNT") + "/";
    }
    place.by_nproc = !environment("SKIPZOO_LISTENING").empty();
    if (place.by_nproc && place.rank == 0) {
      place.listening = static_cast<int>(
          number_in(environment, "SKIPZOO_LISTENING", 3, kMostProcesses));
    }
    return place;
  }
  return place;
}

}  // namespace skipzoo
