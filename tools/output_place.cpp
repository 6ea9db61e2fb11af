#include "tools/output_place.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <system_error>

#include "tools/error.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

constexpr char kHidden = '.';
constexpr std::string_view kEnding = ".tmp";

[[noreturn]] void fail(const fs::path& path, int error) {
  throw FileError(
      path, "cannot be written: " + std::generic_category().message(error));
}

/// The N of /proc/<this process>/fd/N.
std::optional<int> descriptor_named(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::canonical(path.parent_path(), error);
  const auto own = "/proc/" + std::to_string(::getpid()) + "/";
  if (error || folder.filename() != "fd" || !folder.string().starts_with(own)) {
    return std::nullopt;
  }
  const std::string name = path.filename();
  int number = -1;
  const auto [end, wrong] =
      std::from_chars(name.data(), name.data() + name.size(), number);
  if (wrong != std::errc() || end != name.data() + name.size()) {
    return std::nullopt;
  }
  return number;
}

/// Where a chain of links ends, also where nothing is there yet.
fs::path follow_links(const fs::path& given) {
  fs::path path = given;
  std::error_code error;
  for (int links = 0; links < 40; ++links) {  // As many as Linux follows.
    if (!fs::is_symlink(path, error) || descriptor_named(path)) return path;
    const fs::path target = fs::read_symlink(path, error);
    if (error) fail(given, error.value());
    path = path.parent_path() / target;
  }
  fail(given, ELOOP);
}

}  // namespace

OutputPlace place_of(const fs::path& given) {
  OutputPlace place;
  place.path = follow_links(given);
  if (const auto own = descriptor_named(place.path)) {
    place.descriptor = ::fcntl(*own, F_DUPFD_CLOEXEC, 3);
    if (place.descriptor < 0) fail(given, errno);
    return place;
  }
  if (::stat(place.path.c_str(), &place.status) != 0) return place;
  if (S_ISDIR(place.status.st_mode)) {
    throw FileError(given, "is a folder, expected the name of a file");
  }
  place.exists = S_ISREG(place.status.st_mode);
  if (!place.exists) {
    place.descriptor =
        ::open(place.path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (place.descriptor < 0) fail(given, errno);
  }
  return place;
}

bool is_replaced_whole(const fs::path& given) {
  const fs::path path = follow_links(given);
  struct stat status {};
  return !descriptor_named(path) &&
         (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) ||
          S_ISDIR(status.st_mode));
}

namespace {

/// What the names beside a path begin with. The longest name has 255 bytes.
std::string stem_of(const fs::path& path) {
  std::string stem(1, kHidden);
  return stem.append(path.filename().string(), 0, 200).append(1, kHidden);
}

}  // namespace

fs::path beside(const fs::path& path, uint32_t number) {
  char digits[16];
  std::snprintf(digits, sizeof(digits), "%08x", number);
  return path.parent_path() / (stem_of(path) + digits + std::string(kEnding));
}

bool is_beside(const fs::path& name, const fs::path& path) {
  std::string_view text = name.native();
  text.remove_prefix(text.rfind('/') + 1);
  const std::string stem = stem_of(path);
  return text.size() == stem.size() + 8 + kEnding.size() &&
         text.starts_with(stem) && text.ends_with(kEnding) &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(stem.size()),
                     text.end() - static_cast<std::ptrdiff_t>(kEnding.size()),
                     [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                     });
}

}  // namespace skipzoo
