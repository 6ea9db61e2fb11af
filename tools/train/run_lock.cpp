#include "tools/train/run_lock.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

#include "tools/error.h"

namespace skipzoo {

namespace {

std::string words_of(int error) {
  return std::generic_category().message(error);
}

std::string this_process() {
  char host[256] = "";
  ::gethostname(host, sizeof(host) - 1);
  return "process " + std::to_string(::getpid()) + " on " + host;
}

std::string holder(const std::filesystem::path& path) {
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

}  // namespace

RunLock::RunLock(const std::filesystem::path& folder)
    : path_(folder / ".skipzoo-lock") {
  // Where files are renumbered at will, the hundredth look is the last.
  int looks = 0;
  do {
    if (file_ >= 0) ::close(file_);
    // Opened to be written: NFS gives no lock of one's own otherwise. Not by a
    // link: what is written into it is no other file's.
    file_ =
        ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file_ < 0) {
      throw FileError(folder, "cannot be written to: " + words_of(errno));
    }
    const int error = ::flock(file_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (error == EWOULDBLOCK) {
      ::close(file_);
      throw FileError(folder, "is being written by " + holder(path_) +
                                  "; let that end first, or choose another "
                                  "folder by -o");
    }
    if (error != 0) {
      spdlog::warn(
          "{}: this file system has no locks ({}): see to it that no other "
          "process writes this run",
          folder.string(), words_of(error));
    }
  } while (!is_at(file_, path_) && ++looks < 100);
  const std::string name = this_process() + "\n";
  // Only a word for those who ask: without it the lock is as good.
  if (::ftruncate(file_, 0) != 0 ||
      ::pwrite(file_, name.data(), name.size(), 0) < 0) {
    return;
  }
}

RunLock::~RunLock() {
  ::unlink(path_.c_str());
  ::close(file_);
}

}  // namespace skipzoo
