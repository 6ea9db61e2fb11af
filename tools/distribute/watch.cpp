#include "tools/distribute/watch.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace skipzoo {

namespace {

// What a process writes: a number that grows, or its end.
constexpr const char* kDone = "done";
constexpr const char* kFailed = "failed: ";

std::string key_of(int64_t rank) { return "watch/" + std::to_string(rank); }

std::string text_of(Watch::Seconds seconds) {
  auto text = std::to_string(seconds.count());
  return text.substr(0, text.find('.') + 2) + " s";
}

}  // namespace

Watch::Watch(std::unique_ptr<Board> board, int64_t rank, int64_t size,
             Seconds timeout, std::string holder,
             std::function<void(const std::string&)> end)
    : board_(std::move(board)),
      rank_(rank),
      timeout_(timeout),
      holder_(std::move(holder)),
      end_(std::move(end)) {
  for (int64_t other = 0; other < size; ++other) {
    if (other != rank) others_[other] = {};
  }
  board_->write(key_of(rank), "0");
  threads_.emplace_back([this] { exchange(); });
  threads_.emplace_back([this] { decide(); });
}

Watch::~Watch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

Watch::Seconds Watch::period() const {
  return std::clamp<Seconds>(timeout_ / 20, Seconds(0.05), Seconds(1.5));
}

void Watch::exchange() {
  std::vector<std::string> keys;
  for (const auto& [rank, other] : others_) keys.push_back(key_of(rank));
  std::unique_lock lock(mutex_);
  for (int64_t beats = 1; !stopping_; ++beats) {
    const auto word = last_word_.empty() ? std::to_string(beats) : last_word_;
    const bool is_new = !is_told_;
    lock.unlock();
    std::vector<std::string> values;
    std::string error;
    try {
      if (is_new) board_->write(key_of(rank_), word);
      values = board_->read(keys);
    } catch (const std::exception& caught) {
      error = caught.what();
    }
    lock.lock();
    is_told_ = is_told_ || word == last_word_;
    if (error.empty()) {
      note(values);
    } else if (failure_.empty()) {
      failure_ = holder_ + " cannot be reached any more: " + error;
    }
    changed_.notify_all();
    if (!error.empty()) return;
    changed_.wait_for(lock, period(), [&] {
      return stopping_ || (!last_word_.empty() && !is_told_);
    });
  }
}

void Watch::note(const std::vector<std::string>& values) {
  answered_ = Clock::now();
  for (size_t i = 0; auto& [rank, other] : others_) {
    const auto& value = values.at(i++);
    if (value == other.beat) continue;
    other = {.beat = value, .heard = answered_, .is_done = value == kDone};
    if (value.starts_with(kFailed) && failure_.empty()) {
      failure_ = "rank " + std::to_string(rank) + ": " +
                 value.substr(std::string(kFailed).size());
    }
  }
}

void Watch::decide() {
  std::unique_lock lock(mutex_);
  const Clock::time_point never{};
  Clock::time_point known = never;  // Since when this one should end.
  while (!changed_.wait_for(lock, period(), [&] { return stopping_; })) {
    const auto cause = found(timeout_);
    if (!cause) known = never;  // As after a machine slept.
    if (!cause || !last_word_.empty() || is_ended_) continue;
    // It may notice by itself, and then ends in order; and what all said while
    // this process was stopped is still to be read.
    const Seconds grace =
        2 * period() + std::min<Seconds>(timeout_ / 10, Seconds(0.5));
    if (known == never) known = Clock::now();
    if (Clock::now() - known < grace) continue;
    is_ended_ = true;
    lock.unlock();
    end_(*cause);
    lock.lock();
  }
}

std::optional<std::string> Watch::found(Seconds silence) const {
  if (!failure_.empty()) return failure_;
  const auto now = Clock::now();
  // Without the board nothing is heard of anyone.
  if (now - answered_ >= silence) {
    return holder_ + " has not answered for " + text_of(now - answered_);
  }
  const Other* most = nullptr;
  int64_t silent = 0;
  for (const auto& [rank, other] : others_) {
    if (other.is_done || now - other.heard < silence) continue;
    if (most != nullptr && most->heard <= other.heard) continue;
    most = &other;
    silent = rank;
  }
  if (most == nullptr) return std::nullopt;
  return "rank " + std::to_string(silent) + ": not heard of for " +
         text_of(now - most->heard) +
         ": it was killed or stopped, or its network is gone";
}

void Watch::tell(std::string word) {
  std::unique_lock lock(mutex_);
  if (!last_word_.empty()) return;
  last_word_ = std::move(word);
  changed_.notify_all();
  changed_.wait_for(lock, Seconds(2), [&] { return is_told_; });
}

void Watch::let_others_read() { std::this_thread::sleep_for(2 * period()); }

bool Watch::others_say(const std::string& why, Seconds at_most) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, at_most,
                           [&] { return failure_.ends_with(": " + why); });
}

void Watch::tell_failure(const std::string& why) { tell(kFailed + why); }

void Watch::tell_success() { tell(kDone); }

std::string Watch::cause() {
  std::unique_lock lock(mutex_);
  const auto until = Clock::now() + timeout_;
  for (;;) {
    // A connection has ended: who beats no more is who ended it.
    if (const auto cause = found(4 * period())) return *cause;
    if (Clock::now() >= until) return "";
    changed_.wait_for(lock, period());
  }
}

}  // namespace skipzoo
