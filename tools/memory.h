#pragma once

#include <cstdint>
#include <string>

namespace skipzoo {

/// Bytes of memory that a process here can still take without swapping: what
/// the kernel says, or less where a container allows less. The largest number
/// where neither is known.
uint64_t available_memory();

/// Throws std::runtime_error where `bytes` are more than that.
void require_memory(uint64_t bytes);

/// Bytes of memory and swap that this process may have: the machine's, or what
/// its cgroup is held to.
double memory_of_machine();
/// Like "23.4 GB", for messages.
std::string bytes_text(double bytes);

}  // namespace skipzoo
