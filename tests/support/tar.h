#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace skipzoo {

/// A file in a tar (ustar): header and data. size_said: what the header says.
inline std::string tar_member(const std::string& name, const std::string& data,
                              uint64_t size_said) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  char size[24] = {};
  std::snprintf(size, sizeof(size), "%011llo",
                static_cast<unsigned long long>(size_said));
  header.replace(124, 11, size, 11);
  header[156] = '0';
  header.replace(257, 5, "ustar");
  return header + data + std::string((512 - data.size() % 512) % 512, '\0');
}
inline std::string tar_member(const std::string& name,
                              const std::string& data) {
  return tar_member(name, data, data.size());
}

}  // namespace skipzoo
