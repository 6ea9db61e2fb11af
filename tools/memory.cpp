#include "tools/memory.h"

#include <sys/sysinfo.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <limits>
#include <stdexcept>

namespace skipzoo {

namespace {

constexpr uint64_t kUnknown = std::numeric_limits<uint64_t>::max();

/// The number behind a word in a file of such pairs.
uint64_t number_after(const char* path, const std::string& word) {
  std::ifstream file(path);
  std::string at;
  while (file >> at) {
    uint64_t number = 0;
    if (at == word && file >> number) return number;
  }
  return kUnknown;
}

/// What the control group of a container leaves (cgroup v2). The page cache
/// that it counts gives way.
uint64_t left_in_group() {
  uint64_t most = 0;
  if (!(std::ifstream("/sys/fs/cgroup/memory.max") >> most)) return kUnknown;
  const uint64_t used = number_after("/sys/fs/cgroup/memory.stat", "anon");
  return used == kUnknown ? kUnknown : most - std::min(most, used);
}

}  // namespace

uint64_t available_memory() {
  const uint64_t kilobytes = number_after("/proc/meminfo", "MemAvailable:");
  return std::min(kilobytes == kUnknown ? kUnknown : kilobytes * 1024,
                  left_in_group());
}

void require_memory(uint64_t bytes) {
  // What is small next to any machine is not worth a look at the kernel's
  // files; what adds up is.
  static std::atomic<uint64_t> small = 0;
  if ((small += bytes) < uint64_t{64} << 20) return;
  small = 0;
  const uint64_t available = available_memory();
  if (bytes <= available) return;
  throw std::runtime_error(
      "needs " + bytes_text(static_cast<double>(bytes)) + " of memory, but " +
      bytes_text(static_cast<double>(available)) + " are free");
}

double memory_of_machine() {
  struct sysinfo about {};
  if (::sysinfo(&about) != 0) return std::numeric_limits<double>::infinity();
  const auto unit = static_cast<double>(about.mem_unit);
  double bytes = unit * (static_cast<double>(about.totalram) +
                         static_cast<double>(about.totalswap));
  double limit = 0;  // "max", where there is none, is no number.
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> limit && limit > 0) {
    bytes = std::min(bytes, limit);
  }
  return bytes;
}

std::string bytes_text(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {"MB", "GB", "TB", "PB", "EB"};
  size_t unit = 0;
  for (bytes /= 1e6; bytes >= 1000 && unit + 1 < kUnits.size(); ++unit) {
    bytes /= 1000;
  }
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f %s", bytes, kUnits[unit]);
  return text;
}

}  // namespace skipzoo
