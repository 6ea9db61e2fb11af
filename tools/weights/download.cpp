#include "tools/weights/download.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

#include "tools/error.h"
#include "tools/file.h"
#include "tools/lock_file.h"
#include "tools/memory.h"
#include "tools/output_file.h"
#include "tools/sha256.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

fs::path beside_it(fs::path path, const char* ending) { return path += ending; }

int64_t size_of(const fs::path& path) {
  std::error_code absent;
  const auto size = fs::file_size(path, absent);
  return absent ? 0 : static_cast<int64_t>(size);
}

/// One file on its way.
class Fetching {
 public:
  Fetching(const Download& what, const DownloadOptions& options)
      : what_(what), options_(options), part_(beside_it(what.to, ".part")) {}
  ~Fetching() {
    std::error_code ignored;
    if (size_of(part_) == 0) fs::remove(part_, ignored);
  }
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;

  void run() {
    // Of an earlier process, which nothing is known of but its bytes.
    bool is_of_earlier = size_of(part_) > 0;
    if (!is_of_earlier || !is_right()) receive();
    while (!is_right()) {
      const std::string got = sha256_;
      fs::remove(part_);
      if (!is_of_earlier) refuse_content(got);
      is_of_earlier = false;
      receive();
    }
    rename_whole(part_, what_.to);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    const int64_t kept = size_of(part_);
    throw FileError(
        what_.to, "cannot be fetched from " + what_.address + ": " + why +
                      (kept > 0 ? "; " + bytes_text(static_cast<double>(kept)) +
                                      " of it are kept, to go on from"
                                : ""));
  }

  [[noreturn]] void refuse_content(const std::string& got) const {
    throw FileError(what_.to,
                    "what came from " + what_.address + " has the SHA-256 " +
                        got + ", expected " + what_.sha256 +
                        "…; nothing of it was kept. Something on the way may "
                        "have answered in that server's place");
  }

  bool is_right() {
    sha256_ = sha256_of_file(part_);
    return sha256_.starts_with(what_.sha256);
  }

  /// Tries until all of it is there.
  void receive() {
    constexpr int64_t kWorthATry = 1 << 20;
    auto pause = options_.pause;
    int64_t most = size_of(part_);
    bool was_reached = false;
    for (int left = options_.tries;;) {
      const HttpResult result = receive_once();
      if (result.error.empty()) return;
      was_reached = was_reached || result.reached;
      if (result.is_bad_range && size_of(part_) > 0) {
        fs::remove(part_);
      } else if (!result.may_pass || !was_reached) {
        fail(result.error);
      }
      if (size_of(part_) >= most + kWorthATry) {
        most = size_of(part_);
        left = options_.tries;
        pause = options_.pause;
      }
      if (--left == 0) fail(result.error);
      spdlog::info("{}: {}; tries again", what_.address, result.error);
      std::this_thread::sleep_for(pause);
      pause *= 2;
    }
  }

  /// Adds what comes to the part that is there.
  HttpResult receive_once() {
    const int descriptor =
        ::open(part_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0) {
      throw FileError(what_.to, "cannot be written: " +
                                    std::generic_category().message(errno));
    }
    OutputFile file(descriptor, what_.to, part_);
    HttpGet get = {.address = what_.address,
                   .from = size_of(part_),
                   .validator = validator_};
    get.begin = [&](int64_t start, int64_t size) { begin(start, size); };
    get.write = [&](std::string_view bytes) {
      file.write(bytes);
      done_ += static_cast<int64_t>(bytes.size());
      if (progress_) progress_(done_, all_);
    };
    HttpResult result = http_get(get, options_.http);
    file.finish();
    // What is there is of this file: the next try may ask for the same.
    if (!result.validator.empty()) validator_ = result.validator;
    return result;
  }

  void begin(int64_t start, int64_t size) {
    if (start == 0 && ::truncate(part_.c_str(), 0) != 0) {
      throw FileError(what_.to, "cannot be written: " +
                                    std::generic_category().message(errno));
    }
    done_ = start;
    all_ = size;
    require_room(size - start);
    if (options_.progress && !progress_) {
      progress_ = options_.progress(what_.to.filename().string());
    }
  }

  void require_room(int64_t bytes) const {
    std::error_code unknown;
    const auto space = fs::space(what_.to.parent_path(), unknown);
    if (unknown || bytes <= 0 ||
        space.available >= static_cast<uintmax_t>(bytes)) {
      return;
    }
    throw FileError(
        what_.to,
        "cannot be written: " + bytes_text(static_cast<double>(bytes)) +
            " are still to come, and its disk has " +
            bytes_text(static_cast<double>(space.available)) + " left");
  }

  const Download& what_;
  const DownloadOptions& options_;
  fs::path part_;
  std::string sha256_;     ///< Of what is_right() looked at.
  std::string validator_;  ///< Of the server's file, by this process's tries.
  Progress progress_;
  int64_t done_ = 0, all_ = 0;
};

}  // namespace

void download(const Download& what, const DownloadOptions& options) {
  if (fs::exists(what.to)) return;
  make_folder(what.to.parent_path());
  const LockFile lock(beside_it(what.to, ".lock"), [&](const auto& holder) {
    spdlog::info("{}: {} fetches it already; waits for that", what.to.string(),
                 holder);
  });
  if (fs::exists(what.to)) return;
  spdlog::info("fetching {} into {}", what.address,
               what.to.parent_path().string());
  Fetching(what, options).run();
  spdlog::info("{}: fetched, and its SHA-256 is right", what.to.string());
}

}  // namespace skipzoo
