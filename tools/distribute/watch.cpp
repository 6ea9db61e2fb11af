#include "tools/distribute/watch.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace skipzoo {

namespace {

using WatchClock = std::chrono::steady_clock;

// What a process writes: a number that grows, or its end, by its own fault or
// by that of another.
constexpr std::string_view kDone = "done",
                           kFailed = "failed: ", kEnds = "ends for ";

std::string key_of(int64_t rank) { return "watch/" + std::to_string(rank); }

std::string text_of(Watch::Seconds seconds) {
  auto text = std::to_string(seconds.count());
  return text.substr(0, text.find('.') + 2) + " s";
}

}  // namespace

struct Watch::State {
  struct Other {
    std::string beat;
    WatchClock::time_point heard = WatchClock::now();
    bool is_done = false;
  };

  std::unique_ptr<Board> board;  ///< Of the thread of exchange() alone.
  int64_t rank;
  Seconds timeout;
  std::string holder;

  std::mutex mutex;  ///< Of what follows.
  std::condition_variable changed;
  bool stopping = false;
  bool is_exchanging = true;
  std::string last_word;  ///< Of this process: how it ends.
  bool is_told = false;   ///< That was written.
  bool is_ended = false;  ///< By end_for().
  WatchClock::time_point answered = WatchClock::now();  ///< By the board.
  std::map<int64_t, Other> others;
  std::string failure;  ///< Of another, or of the board; empty: none.

  Seconds period() const;
  /// Why the run cannot go on, where one has said nothing for so long.
  std::optional<std::string> found(Seconds silence) const;
  void note(const std::vector<std::string>& values);
  /// What its thread does: one waits for the board, and may for long.
  void exchange();
};

Watch::Seconds Watch::State::period() const {
  // Each reads of each: c10d's store gives some 270,000 keys a second.
  constexpr double kKeys = 100'000;
  const auto all = static_cast<double>(others.size() + 1);
  const auto by_load = std::min(Seconds(all * all / kKeys), timeout / 6);
  return std::max(
      by_load, std::clamp<Seconds>(timeout / 20, Seconds(0.05), Seconds(0.6)));
}

void Watch::State::exchange() {
  std::vector<std::string> keys;
  for (const auto& [other, state] : others) keys.push_back(key_of(other));
  std::unique_lock lock(mutex);
  for (int64_t beats = 1; !stopping; ++beats) {
    const auto word = last_word.empty() ? std::to_string(beats) : last_word;
    const bool is_new = !is_told;
    lock.unlock();
    std::vector<std::string> values;
    std::string error;
    try {
      if (is_new) board->write(key_of(rank), word);
      values = board->read(keys);
    } catch (const std::exception& caught) {
      error = caught.what();
    }
    lock.lock();
    is_told = is_told || word == last_word;
    if (error.empty()) {
      note(values);
    } else if (failure.empty()) {
      failure = holder + " cannot be reached any more: " + error;
    }
    changed.notify_all();
    if (!error.empty()) break;
    changed.wait_for(lock, period(), [&] {
      return stopping || (!last_word.empty() && !is_told);
    });
  }
  is_exchanging = false;
  changed.notify_all();
}

void Watch::State::note(const std::vector<std::string>& values) {
  answered = WatchClock::now();
  for (size_t i = 0; auto& [number, other] : others) {
    const auto& value = values.at(i++);
    if (value == other.beat) continue;
    other = {.beat = value, .heard = answered, .is_done = value == kDone};
    if (!failure.empty()) continue;
    if (value.starts_with(kFailed)) {
      failure = "rank " + std::to_string(number) + ": " +
                value.substr(kFailed.size());
    } else if (value.starts_with(kEnds)) {
      failure = value.substr(kEnds.size());
    }
  }
}

std::optional<std::string> Watch::State::found(Seconds silence) const {
  if (!failure.empty()) return failure;
  const auto now = WatchClock::now();
  // Without the board nothing is heard of anyone.
  if (now - answered >= silence) {
    return holder + " has not answered for " + text_of(now - answered);
  }
  const Other* most = nullptr;
  int64_t silent = 0;
  for (const auto& [number, other] : others) {
    if (other.is_done || now - other.heard < silence) continue;
    if (most != nullptr && most->heard <= other.heard) continue;
    most = &other;
    silent = number;
  }
  if (most == nullptr) return std::nullopt;
  return "rank " + std::to_string(silent) + ": not heard of for " +
         text_of(now - most->heard) +
         ": it was killed or stopped, or its network is gone";
}

Watch::Watch(std::unique_ptr<Board> board, int64_t rank, int64_t size,
             Seconds timeout, std::string holder,
             std::function<void(const std::string&)> end)
    : state_(std::make_shared<State>()), end_(std::move(end)) {
  state_->board = std::move(board);
  state_->rank = rank;
  state_->timeout = timeout;
  state_->holder = std::move(holder);
  for (int64_t other = 0; other < size; ++other) {
    if (other != rank) state_->others[other] = {};
  }
  state_->board->write(key_of(rank), "0");
  std::thread([state = state_] { state->exchange(); }).detach();
  decides_ = std::thread([this] { decide(); });
}

Watch::~Watch() {
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    state_->changed.wait_for(lock, Seconds(1),
                             [&] { return !state_->is_exchanging; });
  }
  decides_.join();
}

void Watch::decide() {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  const WatchClock::time_point never{};
  WatchClock::time_point known = never;  // Since when this one should end.
  while (!state.changed.wait_for(lock, state.period(),
                                 [&] { return state.stopping; })) {
    const auto cause = state.found(state.timeout);
    if (!cause) known = never;  // As after a machine slept.
    if (!cause || !state.last_word.empty()) continue;
    // It may notice by itself, and then ends in order; and what all said while
    // this process was stopped is still to be read.
    const Seconds grace = 2 * state.period() +
                          std::min<Seconds>(state.timeout / 10, Seconds(0.5));
    if (known == never) known = WatchClock::now();
    if (WatchClock::now() - known < grace) continue;
    lock.unlock();
    end_for(*cause);
    lock.lock();
  }
}

void Watch::end_for(const std::string& cause) {
  {
    const std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->is_ended, true)) return;
  }
  tell(std::string(kEnds) + cause, 2 * state_->period());
  if (state_->rank == 0) let_others_read();
  end_(cause);
}

void Watch::tell(std::string word, Seconds at_most) {
  std::unique_lock lock(state_->mutex);
  if (!state_->last_word.empty()) return;
  state_->last_word = std::move(word);
  state_->changed.notify_all();
  state_->changed.wait_for(
      lock, at_most, [&] { return state_->is_told || !state_->is_exchanging; });
}

void Watch::let_others_read() {
  std::this_thread::sleep_for(2 * state_->period());
}

bool Watch::others_say(const std::string& why, Seconds at_most) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(
      lock, at_most, [&] { return state_->failure.ends_with(": " + why); });
}

void Watch::tell_failure(const std::string& why) {
  tell(std::string(kFailed) + why, Seconds(2));
}

void Watch::tell_success() { tell(std::string(kDone), Seconds(2)); }

std::string Watch::cause() {
  std::unique_lock lock(state_->mutex);
  const auto until = WatchClock::now() + state_->timeout;
  for (;;) {
    // A connection has ended: who beats no more is who ended it.
    if (const auto cause = state_->found(4 * state_->period())) return *cause;
    if (WatchClock::now() >= until) return "";
    state_->changed.wait_for(lock, state_->period());
  }
}

}  // namespace skipzoo
