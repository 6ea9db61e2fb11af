#include "tools/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "tools/error.h"

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

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view logger(message.logger_name.data(),
                                  message.logger_name.size());
    if (clear_ && logger == "step") return;
    if (clear_) clear_();
    const char* mark = message.level >= spdlog::level::err    ? "error: "
                       : message.level >= spdlog::level::warn ? "warning: "
                                                              : "";
    std::fprintf(stderr, "%s%.*s\n", mark,
                 static_cast<int>(message.payload.size()),
                 message.payload.data());
    if (redraw_) redraw_();
  }
  void flush_() override { std::fflush(stderr); }

 private:
  std::function<void()> clear_;
  std::function<void()> redraw_;
};

std::shared_ptr<TerminalSink>& terminal() {
  static auto sink = std::make_shared<TerminalSink>();
  return sink;
}

}  // namespace

void start_log() {
  auto main = std::make_shared<spdlog::logger>("skipzoo", terminal());
  auto steps = std::make_shared<spdlog::logger>("step", terminal());
  spdlog::set_default_logger(main);
  spdlog::register_logger(steps);
}

std::shared_ptr<spdlog::logger> step_log() {
  auto logger = spdlog::get("step");
  return logger ? logger : spdlog::default_logger();
}

void log_to_file(const std::filesystem::path& file) {
  try {
    auto sink =
        std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    sink->set_pattern("%Y-%m-%d %H:%M:%S %L %v");
    spdlog::default_logger()->sinks().push_back(sink);
    if (step_log() != spdlog::default_logger()) {
      step_log()->sinks().push_back(sink);
    }
    spdlog::flush_every(std::chrono::seconds(1));
    spdlog::default_logger()->flush_on(spdlog::level::warn);
  } catch (const spdlog::spdlog_ex& error) {
    throw FileError(file, error.what());
  }
}

void share_terminal(std::function<void()> clear, std::function<void()> redraw) {
  terminal()->share(std::move(clear), std::move(redraw));
}

}  // namespace skipzoo
