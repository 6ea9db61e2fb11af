#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

namespace skipzoo {

/// A file that is being written. Every call to the system is checked, and one
/// that fails is a FileError naming the file as its user knows it.
class OutputFile {
 public:
  /// Takes over an open descriptor. readable_at: where what is written can be
  /// read meanwhile; empty for a pipe or a device.
  OutputFile(int descriptor, std::filesystem::path name,
             std::filesystem::path readable_at = {});
  /// Closes it. What was not flushed is dropped.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view bytes);
  /// Hands what was kept back to the system.
  void flush();
  /// Flushes, and returns where all of it can be read.
  const std::filesystem::path& readable();
  /// Returns once the disk has it, and closes.
  void finish();

 private:
  void write_now(std::string_view bytes);
  [[noreturn]] void fail(int error) const;

  int descriptor_;
  std::filesystem::path name_;
  std::filesystem::path readable_at_;
  std::string kept_;  ///< Small pieces, until they are worth a call.
};

/// An OutputFile behind a std::ostream, whose exceptions(badbit) then let its
/// errors through.
class OutputBuffer : public std::streambuf {
 public:
  explicit OutputBuffer(OutputFile& file) : file_(file) {}

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  OutputFile& file_;
};

/// Takes `size` bytes and says how many it took, as LibTorch's writers want it.
using WriteFunction = std::function<size_t(const void* data, size_t size)>;
/// Calls `write` with a function that takes everything, then throws what went
/// wrong: LibTorch's writer of archives throws out of its destructor, and so
/// ends the process, where a byte is refused.
void write_by(OutputFile& file,
              const std::function<void(const WriteFunction&)>& write);

}  // namespace skipzoo
