#include "tools/log.h"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <optional>
#include <system_error>

#include "tools/error.h"
#include "tools/output_file.h"
#include "tools/printable.h"

namespace skipzoo {

namespace {

/// stderr, shared with a progress bar.
class TerminalSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void share(std::function<void()> clear, std::function<void()> redraw) {
    const std::lock_guard<std::mutex> lock(mutex_);
    clear_ = std::move(clear);
    redraw_ = std::move(redraw);
  }

  bool is_there() const { return is_there_; }

  void set_speaker(std::string speaker) {
    const std::lock_guard<std::mutex> lock(mutex_);
    speaker_ = std::move(speaker);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view logger(message.logger_name.data(),
                                  message.logger_name.size());
    if (!is_there_ || (clear_ && logger == "step")) return;
    if (clear_) clear_();
    const char* mark = message.level >= spdlog::level::err    ? "error: "
                       : message.level >= spdlog::level::warn ? "warning: "
                                                              : "";
    // Whatever stands in it, and whichever file it came from.
    const auto text =
        printable_message({message.payload.data(), message.payload.size()});
    // A pipe whose reader went would refuse each line anew.
    const bool is_error = message.level >= spdlog::level::err;
    is_there_ =
        std::fprintf(stderr, "%s%s%s\n", mark, is_error ? speaker_.c_str() : "",
                     text.c_str()) >= 0;
    if (redraw_) redraw_();
  }
  void flush_() override { std::fflush(stderr); }

 private:
  std::atomic<bool> is_there_ = true;
  std::function<void()> clear_;
  std::function<void()> redraw_;
  std::string speaker_;  ///< Of errors.
};

/// A file, once it is known which; until then what is said is kept.
class FileSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  FileSink() { set_pattern("%Y-%m-%d %H:%M:%S %L %v"); }

  void open(const std::filesystem::path& path) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const int descriptor =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0) {
      throw FileError(
          path, "cannot be written: " + std::generic_category().message(errno));
    }
    file_.emplace(descriptor, path);
    file_->write(std::exchange(early_, {}));
    file_->flush();
  }

  /// An error is thrown where it can be: nobody who logs expects one.
  void check() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (error_) throw FileError(*error_, "");
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const std::string_view text(line.data(), line.size());
    constexpr size_t kMost = 1 << 20;
    if (!file_ && early_.size() < kMost) early_.append(text);
    if (!file_ || error_) return;
    try {
      file_->write(text);
      file_->flush();
    } catch (const FileError& error) {
      error_ = error;
    }
  }
  void flush_() override {}

 private:
  std::optional<OutputFile> file_;
  std::string early_;
  std::optional<FileError> error_;
};

std::shared_ptr<TerminalSink> terminal() {
  static const auto sink = std::make_shared<TerminalSink>();
  return sink;
}

std::shared_ptr<FileSink> log_file() {
  static const auto sink = std::make_shared<FileSink>();
  return sink;
}

}  // namespace

void start_log() {
  const spdlog::sinks_init_list sinks = {terminal(), log_file()};
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("skipzoo", sinks));
  spdlog::register_logger(std::make_shared<spdlog::logger>("step", sinks));
}

std::shared_ptr<spdlog::logger> step_log() {
  auto logger = spdlog::get("step");
  return logger ? logger : spdlog::default_logger();
}

void log_as_rank(int64_t rank) {
  terminal()->set_speaker("rank " + std::to_string(rank) + ": ");
  if (rank > 0) {
    spdlog::default_logger()->set_level(spdlog::level::err);
    step_log()->set_level(spdlog::level::err);
  }
}

void log_to_file(const std::filesystem::path& file) { log_file()->open(file); }

void check_log_file() { log_file()->check(); }

bool terminal_is_there() { return terminal()->is_there(); }

void share_terminal(std::function<void()> clear, std::function<void()> redraw) {
  terminal()->share(std::move(clear), std::move(redraw));
}

}  // namespace skipzoo
