#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace skipzoo {

/// Which of the processes of a run this one is, and where they meet.
struct ProcessPlace {
  int64_t rank = 0;        ///< In [0, size).
  int64_t size = 1;        ///< Of all machines.
  int64_t local_rank = 0;  ///< On this machine: which GPU is its own.
  std::string address = "127.0.0.1";  ///< Of the machine of rank 0.
  int64_t port = 29500;               ///< There.
  /// Whether the launcher itself holds the store at that port, as torchrun
  /// does; else rank 0 does.
  bool launcher_holds_store = false;
  /// Of torchrun: what tells the store's keys of one attempt from another's.
  std::string prefix = {};
  /// A socket that listens at the port, handed down by `--nproc`; of rank 0.
  std::optional<int> listening = std::nullopt;
  bool by_nproc = false;  ///< Whether `--nproc` started it.
};

/// A variable of the environment; empty where it is not there.
using Environment = std::function<std::string(const char*)>;
/// That of this process.
std::string environment_variable(const char* name);

/// As the launcher says: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and
/// MASTER_PORT of torchrun and of most others; mpirun's OMPI_COMM_WORLD_*;
/// srun's SLURM_*. One process where there is no launcher. Throws ConfigError
/// with the variable that is no number or out of range.
ProcessPlace place_of_process(
    const Environment& environment = environment_variable);

}  // namespace skipzoo
