#include "tools/write_whole.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "tools/error.h"
#include "tools/output_place.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::string words_of(int error) {
  return std::generic_category().message(error);
}

/// Names that a handler may unlink: no lock, no allocation.
std::array<std::atomic<const char*>, 16> unfinished{};

void note_unfinished(const char* name) {
  for (auto& place : unfinished) {
    const char* none = nullptr;
    if (place.compare_exchange_strong(none, name)) return;
  }
}

/// To be called before the name's memory goes.
void forget_unfinished(const char* name) {
  for (auto& place : unfinished) {
    const char* noted = name;
    if (place.compare_exchange_strong(noted, nullptr)) return;
  }
}

/// A file's own name beside it while it is written; removed unless it was
/// renamed.
class Beside {
 public:
  Beside(const fs::path& path, mode_t mode) {
    std::random_device random;
    do {
      name_ = beside(path, random());
      // Another's file of that name is left alone.
      descriptor_ =
          ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    } while (descriptor_ < 0 && errno == EEXIST);
    if (descriptor_ < 0) {
      throw FileError(path, "cannot be written: " + words_of(errno));
    }
    note_unfinished(name_.c_str());
  }
  ~Beside() {
    forget_unfinished(name_.c_str());
    if (!renamed_) ::unlink(name_.c_str());
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  int descriptor() const { return descriptor_; }
  const fs::path& name() const { return name_; }
  void rename_to(const fs::path& path) {
    rename_whole(name_, path);
    renamed_ = true;
  }

 private:
  fs::path name_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

/// The owner first: to change it clears some of the mode. Neither is given to
/// all by all file systems; the file is right even so.
void keep_owner_and_mode(int file, const struct stat& old) {
  struct stat own {};
  bool is_owners = ::fstat(file, &own) == 0;
  if (is_owners && (own.st_uid != old.st_uid || own.st_gid != old.st_gid)) {
    is_owners = ::fchown(file, old.st_uid, old.st_gid) == 0;
  }
  const mode_t mode = old.st_mode & 07777;
  if (::fchmod(file, is_owners ? mode : mode & 0777) != 0) return;
}

/// What was renamed is on the disk once its folder is. Some file systems cannot
/// flush a folder, and the rename is atomic even so.
void flush_folder(const fs::path& folder, const fs::path& path) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  const int error = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  if (error == EIO || error == ENOSPC) {
    spdlog::warn("{}: written, but the disk refuses to note its name now ({})",
                 path.string(), words_of(error));
  }
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

void replace(const fs::path& path, const struct stat* old,
             const std::function<void(OutputFile&)>& write) {
  const fs::path folder = folder_of(path);
  if (!fs::is_directory(folder)) {
    throw FileError(path,
                    "cannot be written: there is no folder " + folder.string());
  }
  // Nobody reads along before the file has the mode it had.
  Beside beside(path, old == nullptr ? 0666 : 0600);
  OutputFile file(beside.descriptor(), path, beside.name());
  if (old != nullptr) keep_owner_and_mode(beside.descriptor(), *old);
  write(file);
  file.finish();
  beside.rename_to(path);
}

/// The folders above a path that are not there yet, the highest first.
class FoldersAbove {
 public:
  explicit FoldersAbove(const fs::path& path) {
    std::error_code error;
    for (fs::path folder = path.parent_path();
         !folder.empty() && !fs::exists(folder, error);
         folder = folder.parent_path()) {
      made_.push_back(folder);
    }
    fs::create_directories(path.parent_path(), error);
    if (error && !path.parent_path().empty()) {
      remove();
      throw FileError(path.parent_path(),
                      "cannot be created: " + error.message());
    }
  }
  /// Those that are empty.
  void remove() const {
    for (const auto& folder : made_) ::rmdir(folder.c_str());
  }

 private:
  std::vector<fs::path> made_;  ///< The deepest first.
};

}  // namespace

void rename_whole(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw FileError(to, "cannot be replaced: " + words_of(errno));
  }
  flush_folder(folder_of(to), to);
}

void write_whole(const fs::path& given,
                 const std::function<void(OutputFile&)>& write) {
  const OutputPlace place = place_of(given);
  if (place.descriptor < 0) {
    return replace(place.path, place.exists ? &place.status : nullptr, write);
  }
  OutputFile file(place.descriptor, given);
  write(file);
  file.finish();
}

void write_whole(const fs::path& path, std::string_view text) {
  write_whole(path, [&](OutputFile& file) { file.write(text); });
}

void write_output(const fs::path& path,
                  const std::function<void(OutputFile&)>& write) {
  const FoldersAbove folders(path);
  try {
    write_whole(path, write);
  } catch (...) {
    folders.remove();
    throw;
  }
}

TemporaryFile::TemporaryFile() {
  std::error_code error;
  std::string name = fs::temp_directory_path(error) / "skipzoo-XXXXXX";
  const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor < 0) {
    throw FileError(name, "cannot be created: " + words_of(errno));
  }
  ::close(descriptor);
  path_ = name;
  note_unfinished(path_.c_str());
}

TemporaryFile::~TemporaryFile() {
  forget_unfinished(path_.c_str());
  ::unlink(path_.c_str());
}

void append(const fs::path& path, std::string_view bytes) {
  const int descriptor =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    throw FileError(path, "cannot be written: " + words_of(errno));
  }
  struct stat before {};
  const bool known = ::fstat(descriptor, &before) == 0;
  OutputFile file(descriptor, path, path);
  try {
    file.write(bytes);
    file.finish();
  } catch (...) {
    // Best effort: half a line is dropped when the run is resumed, too.
    if (known && ::truncate(path.c_str(), before.st_size) != 0) throw;
    throw;
  }
}

void remove_unfinished_files() noexcept {
  for (const auto& place : unfinished) {
    const char* name = place.load();
    if (name != nullptr) ::unlink(name);
  }
}

void remove_leftovers_of(const fs::path& path) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(path.parent_path(), error), end;
       !error && it != end; it.increment(error)) {
    if (is_beside(it->path(), path)) found.push_back(it->path());
  }
  for (const auto& one : found) fs::remove(one, error);
}

}  // namespace skipzoo
