#include "tools/lock_file.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "tools/error.h"

namespace skipzoo {

namespace {

std::string words_of_lock_error(int error) {
  return std::generic_category().message(error);
}

std::string this_process() {
  char host[256] = "";
  ::gethostname(host, sizeof(host) - 1);
  return "process " + std::to_string(::getpid()) + " on " + host;
}

std::string holder_of(const std::filesystem::path& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line.empty() ? "another process" : line;
}

/// Whether `file` is still what `path` names: its holder removes it at the end.
bool is_at(int file, const std::filesystem::path& path) {
  struct stat open {
  }, named{};
  return ::fstat(file, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

/// Closed where an error ends it.
int open_lock(const std::filesystem::path& path) {
  // Opened to be written: NFS gives no lock of one's own otherwise. Not by a
  // link: what is written into it is no other file's.
  const int file =
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file < 0) {
    throw FileError(path.parent_path(),
                    "cannot be written to: " + words_of_lock_error(errno));
  }
  return file;
}

/// flock() again where a signal came in between; the error, or 0.
int lock(int file, int how) {
  while (::flock(file, how) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

LockFile::LockFile(
    const std::filesystem::path& path,
    const std::function<void(const std::string& holder)>& on_held)
    : path_(path) {
  bool is_told = false;
  // Where files are renumbered at will, the hundredth look is the last.
  int looks = 0;
  do {
    if (file_ >= 0) ::close(file_);
    file_ = open_lock(path_);
    int error = lock(file_, LOCK_EX | LOCK_NB);
    if (error == EWOULDBLOCK) {
      try {
        if (!is_told) on_held(holder_of(path_));
      } catch (...) {
        ::close(file_);
        throw;
      }
      is_told = true;
      error = lock(file_, LOCK_EX);
    }
    if (error != 0) {
      spdlog::warn(
          "{}: this file system has no locks ({}): see to it that no other "
          "process writes there",
          path_.parent_path().string(), words_of_lock_error(error));
    }
  } while (!is_at(file_, path_) && ++looks < 100);
  const std::string name = this_process() + "\n";
  // Only a word for those who ask: without it the lock is as good.
  if (::ftruncate(file_, 0) != 0 ||
      ::pwrite(file_, name.data(), name.size(), 0) < 0) {
    return;
  }
}

LockFile::~LockFile() {
  ::unlink(path_.c_str());
  ::close(file_);
}

}  // namespace skipzoo
