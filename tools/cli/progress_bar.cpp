#include "tools/cli/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tools/log.h"
#include "tools/memory.h"

namespace skipzoo {

namespace {

int terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return 80;
  }
  return size.ws_col;
}

std::string clock_text(double seconds) {
  if (seconds < 0) return "--:--";
  const auto s = static_cast<int64_t>(seconds + 0.5);
  char text[32];
  if (s >= 3600) {
    std::snprintf(text, sizeof(text), "%d:%02d:%02d",
                  static_cast<int>(s / 3600), static_cast<int>(s / 60 % 60),
                  static_cast<int>(s % 60));
  } else {
    std::snprintf(text, sizeof(text), "%02d:%02d", static_cast<int>(s / 60),
                  static_cast<int>(s % 60));
  }
  return text;
}

double share_done(const StepReport& report) {
  const double epoch =
      static_cast<double>(report.epoch - 1) +
      static_cast<double>(report.batch) / static_cast<double>(report.batches);
  return epoch / static_cast<double>(report.epochs);
}

}  // namespace

std::string bar_text(const BarWords& words, int columns) {
  char percent[16];
  std::snprintf(percent, sizeof(percent), " %3.0f%%", 100 * words.share);
  std::string text = words.before + ' ';
  const std::string right =
      percent + words.behind + "  ETA " + clock_text(words.eta);
  const int room = columns - 1 - static_cast<int>(text.size() + right.size());
  if (room >= 10) {
    const int width = std::min(room - 2, 40);
    const int filled =
        static_cast<int>(static_cast<double>(width) * words.share);
    text.append(1, '[')
        .append(static_cast<size_t>(filled), '#')
        .append(static_cast<size_t>(width - filled), '.')
        .append(1, ']');
  }
  return text.append(right).substr(
      0, static_cast<size_t>(std::max(columns - 1, 1)));
}

ProgressBar::ProgressBar()
    : active_(isatty(STDERR_FILENO) != 0),
      colour_(std::getenv("NO_COLOR") == nullptr) {
  if (!active_) return;
  share_terminal([] { std::fputs("\r\x1b[K", stderr); },
                 [this] {
                   const std::lock_guard<std::mutex> lock(mutex_);
                   std::fputs(line_.c_str(), stderr);
                 });
}

ProgressBar::~ProgressBar() {
  if (!active_) return;
  std::fputs("\r\x1b[K", stderr);
  share_terminal({}, {});
}

void ProgressBar::update(const StepReport& report) {
  char behind[128];
  std::snprintf(behind, sizeof(behind), "  loss %.3f  acc %.1f%%  %.0f img/s",
                report.loss, report.top1, report.images_per_s);
  draw({.before = "epoch " + std::to_string(report.epoch) + "/" +
                  std::to_string(report.epochs),
        .share = share_done(report),
        .behind = behind});
}

void ProgressBar::update(const std::string& work, int64_t images, int64_t all) {
  const double rate = rate_of(images);
  char behind[32] = "";
  if (rate > 0) {
    std::snprintf(behind, sizeof(behind), "  %.0f img/s", rate);
  }
  draw({.before =
            work + " " + std::to_string(images) + "/" + std::to_string(all),
        .share = static_cast<double>(images) / static_cast<double>(all),
        .behind = behind});
}

void ProgressBar::update_bytes(const std::string& file, int64_t done,
                               int64_t all) {
  const double rate = rate_of(done);
  draw(
      {.before = file + " " + bytes_text(static_cast<double>(done)) +
                 (all > 0 ? " of " + bytes_text(static_cast<double>(all)) : ""),
       .share =
           all > 0 ? static_cast<double>(done) / static_cast<double>(all) : 0,
       .behind = rate > 0 ? "  " + bytes_text(rate) + "/s" : ""});
}

double ProgressBar::rate_of(int64_t done) {
  if (start_done_ < 0) start_done_ = done;
  const double spent =
      std::chrono::duration<double>(Clock::now() - start_).count();
  const auto since = static_cast<double>(done - start_done_);
  return since > 0 && spent > 0 ? since / spent : 0;
}

void ProgressBar::draw(BarWords words) {
  if (!active_) return;
  const auto now = Clock::now();
  if (start_share_ < 0) {
    start_ = now;
    start_share_ = words.share;
  }
  if (now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  const double spent = std::chrono::duration<double>(now - start_).count();
  const double done = words.share - start_share_;
  if (done > 0) words.eta = spent * (1 - words.share) / done;
  const auto text = bar_text(words, terminal_columns());
  const std::lock_guard<std::mutex> lock(mutex_);
  line_ = colour_ ? "\x1b[36m" + text + "\x1b[0m" : text;
  std::fprintf(stderr, "\r\x1b[K%s", line_.c_str());
  std::fflush(stderr);
}

}  // namespace skipzoo
