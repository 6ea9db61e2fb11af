#include "tools/config/source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr size_t kMost = 1 << 20;
constexpr seconds kForAWriter{3};
constexpr seconds kForAWord{60};

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw ConfigError(name + ": " + why +
                    "; give a config file, e.g. configs/digits/resnet20.yaml");
}

/// An open file, or the standard input of this process.
class Input {
 public:
  Input(const fs::path& path, std::string name)
      : name_(std::move(name)),
        is_standard_(path == "-" || path == "/dev/stdin") {
    // Without O_NONBLOCK, a pipe that nobody writes to never opens.
    file_ = is_standard_
                ? ::dup(STDIN_FILENO)
                : ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file_ < 0) fail();
    struct stat about {};
    ::fstat(file_, &about);
    if (S_ISDIR(about.st_mode)) refuse(name_, "is a folder, expected a file");
    is_regular_ = S_ISREG(about.st_mode);
    may_get_a_writer_ = S_ISFIFO(about.st_mode) && !is_standard_;
  }
  ~Input() {
    if (file_ >= 0) ::close(file_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  bool is_regular() const { return is_regular_; }

  std::string read_all() {
    std::string text;
    std::array<char, 4096> piece;
    while (const auto count = read_piece(piece)) {
      text.append(piece.data(), count);
      if (text.size() > kMost) {
        refuse(name_, "is larger than a config can be, a megabyte");
      }
    }
    return text;
  }

 private:
  [[noreturn]] void fail() const {
    refuse(name_, std::string("cannot be read: ") + std::strerror(errno));
  }

  /// The size of the next piece; 0 at the end.
  size_t read_piece(std::array<char, 4096>& piece) {
    const auto start = Clock::now();
    for (;;) {
      pollfd ready{.fd = file_, .events = POLLIN, .revents = 0};
      const bool is_ready = ::poll(&ready, 1, /*milliseconds=*/100) != 0;
      const auto waited = Clock::now() - start;
      if (!is_ready && waited > kForAWord && ::isatty(file_) == 0) {
        refuse(name_, "nothing came through this pipe for a minute");
      }
      if (!is_ready && is_standard_) continue;  // To read would be to wait.
      const auto count = ::read(file_, piece.data(), piece.size());
      if (count > 0) may_get_a_writer_ = false;
      if (count > 0 || (count == 0 && !may_get_a_writer_)) {
        return static_cast<size_t>(count);
      }
      if (count == 0 && waited > kForAWriter) {
        refuse(name_, "nobody writes to this pipe");
      }
      if (count < 0 && errno != EAGAIN && errno != EINTR) fail();
      if (is_ready) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  std::string name_;
  bool is_standard_;
  int file_ = -1;
  bool is_regular_ = false;
  /// It is a pipe that another process opens by its name.
  bool may_get_a_writer_ = false;
};

}  // namespace

ConfigText read_config_text(const fs::path& file) {
  const std::string name = file == "-" ? "standard input" : file.string();
  Input input(file, name);
  std::string text = input.read_all();
  return {.text = std::move(text),
          .name = name,
          .folder = input.is_regular() && file != "-"
                        ? fs::absolute(file).parent_path()
                        : fs::current_path()};
}

bool is_piped(const fs::path& file) {
  std::error_code unknown;
  return file == "-" ||
         (fs::exists(file, unknown) && !fs::is_regular_file(file, unknown));
}

}  // namespace skipzoo
