#include "tools/output_file.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

std::string why_of(int error) {
  return error == EBADF ? "it is closed"
                        : std::generic_category().message(error);
}

}  // namespace

OutputFile::OutputFile(int descriptor, fs::path name, fs::path readable_at)
    : descriptor_(descriptor),
      name_(std::move(name)),
      readable_at_(std::move(readable_at)) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::fail(int error) const {
  throw FileError(name_, "cannot be written: " + why_of(error));
}

void OutputFile::write_now(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      // A pipe that is full, and that its other users have set to say so.
      pollfd room = {.fd = descriptor_, .events = POLLOUT, .revents = 0};
      ::poll(&room, 1, -1);
      continue;
    }
    if (count < 0) fail(errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

void OutputFile::write(std::string_view bytes) {
  constexpr size_t kWorthACall = 64 * 1024;
  if (kept_.size() + bytes.size() < kWorthACall) {
    kept_.append(bytes);
    return;
  }
  flush();
  write_now(bytes);
}

void OutputFile::flush() {
  const std::string kept = std::exchange(kept_, {});
  write_now(kept);
}

const fs::path& OutputFile::readable() {
  flush();
  return readable_at_;
}

void OutputFile::finish() {
  flush();
  // A pipe or a device has no disk to wait for.
  if (!readable_at_.empty() && ::fsync(descriptor_) != 0) fail(errno);
  // A network's file system may tell as late as here.
  if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) {
    fail(errno);
  }
}

OutputBuffer::int_type OutputBuffer::overflow(int_type c) {
  if (!traits_type::eq_int_type(c, traits_type::eof())) {
    const char one = traits_type::to_char_type(c);
    file_.write({&one, 1});
  }
  return traits_type::not_eof(c);
}

std::streamsize OutputBuffer::xsputn(const char* text, std::streamsize size) {
  file_.write({text, static_cast<size_t>(size)});
  return size;
}

int OutputBuffer::sync() {
  file_.flush();
  return 0;
}

void write_by(OutputFile& file,
              const std::function<void(const WriteFunction&)>& write) {
  std::exception_ptr error;
  write([&](const void* data, size_t size) {
    try {
      if (!error) file.write({static_cast<const char*>(data), size});
    } catch (...) {
      error = std::current_exception();
    }
    return size;
  });
  if (error) std::rethrow_exception(error);
}

}  // namespace skipzoo
