// In the place of the C library's functions, for a whole process: compiled into
// the tests and, as a library to be preloaded, under skipzoo itself, where
// SKIPZOO_FAULT=<number>:<error> says which call fails.

#include "tests/support/faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace skipzoo {
namespace {

std::atomic<int64_t> left{0};  ///< Calls until the one that fails; 0: none.
std::atomic<int> error_then{0};
std::atomic<bool> has_failed{false};

bool is_refused() {
  if (left.load() == 0 || left.fetch_sub(1) != 1) return false;
  has_failed = true;
  errno = error_then;
  return true;
}

/// Whether it is the file in memory by which the OpenMP of LLVM finds a second
/// one of its kind: no disk.
bool is_of_openmp(int descriptor) {
  char link[64], name[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = ::readlink(link, name, sizeof name);
  return size > 0 && std::string_view(name, static_cast<size_t>(size))
                         .starts_with("/dev/shm/__KMP_");
}

bool is_file(int descriptor) {
  struct stat status {};
  return descriptor > STDERR_FILENO && ::fstat(descriptor, &status) == 0 &&
         S_ISREG(status.st_mode) && !is_of_openmp(descriptor);
}

bool makes_a_file(const char* path, int flags) {
  return (flags & O_CREAT) != 0 && !std::string_view(path).starts_with("/dev/");
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

[[maybe_unused]] const bool is_set = [] {
  long long number = 0;
  int error = 0;
  const char* text = std::getenv("SKIPZOO_FAULT");
  if (text == nullptr || std::sscanf(text, "%lld:%d", &number, &error) != 2) {
    return false;
  }
  left = number;
  error_then = error;
  return true;
}();

}  // namespace

Fault::Fault(int64_t number, int error) {
  has_failed = false;
  error_then = error;
  left = number;
}
Fault::~Fault() { left = 0; }
bool Fault::happened() const { return has_failed; }

}  // namespace skipzoo

extern "C" {

// Under names of their own: <fcntl.h> may hold a body of open() already.
int open_or_fail(const char* path, int flags, ...) __asm__("open");
int open64_or_fail(const char* path, int flags, ...) __asm__("open64");

int open_or_fail(const char* path, int flags, ...) {
  static const auto real = skipzoo::next<decltype(&open_or_fail)>("open");
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  if (skipzoo::makes_a_file(path, flags) && skipzoo::is_refused()) return -1;
  return real(path, flags, mode);
}

int open64_or_fail(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return open_or_fail(path, flags, mode);
}

int mkdir(const char* path, mode_t mode) {
  static const auto real = skipzoo::next<decltype(&mkdir)>("mkdir");
  if (skipzoo::is_refused()) return -1;
  return real(path, mode);
}

ssize_t write(int file, const void* data, size_t size) {
  static const auto real = skipzoo::next<decltype(&write)>("write");
  if (skipzoo::is_file(file) && skipzoo::is_refused()) return -1;
  return real(file, data, size);
}

ssize_t writev(int file, const iovec* pieces, int count) {
  static const auto real = skipzoo::next<decltype(&writev)>("writev");
  if (skipzoo::is_file(file) && skipzoo::is_refused()) return -1;
  return real(file, pieces, count);
}

int fsync(int file) {
  static const auto real = skipzoo::next<decltype(&fsync)>("fsync");
  if (skipzoo::is_file(file) && skipzoo::is_refused()) return -1;
  return real(file);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  static const auto real = skipzoo::next<decltype(&pwrite)>("pwrite");
  if (skipzoo::is_file(file) && skipzoo::is_refused()) return -1;
  return real(file, data, size, at);
}

int ftruncate(int file, off_t size) {
  static const auto real = skipzoo::next<decltype(&ftruncate)>("ftruncate");
  if (skipzoo::is_file(file) && skipzoo::is_refused()) return -1;
  return real(file, size);
}

int truncate(const char* path, off_t size) {
  static const auto real = skipzoo::next<decltype(&truncate)>("truncate");
  if (skipzoo::is_refused()) return -1;
  return real(path, size);
}

int truncate64(const char* path, off64_t size) { return truncate(path, size); }

int mkostemp(char* name, int flags) {
  static const auto real = skipzoo::next<decltype(&mkostemp)>("mkostemp");
  if (skipzoo::is_refused()) return -1;
  return real(name, flags);
}

int rename(const char* from, const char* to) {
  static const auto real = skipzoo::next<decltype(&rename)>("rename");
  if (skipzoo::is_refused()) return -1;
  return real(from, to);
}

}  // extern "C"
