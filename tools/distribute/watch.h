#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace skipzoo {

/// What the processes of a run write for each other to read: c10d's store.
/// Called by one thread at a time; throws where it cannot be reached.
class Board {
 public:
  virtual ~Board() = default;
  virtual void write(const std::string& key, const std::string& value) = 0;
  /// Of keys that have been written.
  virtual std::vector<std::string> read(
      const std::vector<std::string>& keys) = 0;
};

/// Knows which processes of a run live. Each has one, with a thread that writes
/// now and then that it does and reads of the others.
class Watch {
 public:
  using Seconds = std::chrono::duration<double>;
  /// holder: who holds the board, in words, should it be gone. end: called by
  /// the thread, once, with the cause: another process has failed or has not
  /// been heard of for so long, and this one has not ended since, perhaps
  /// because it waits for that one. All construct theirs before any goes on.
  Watch(std::unique_ptr<Board> board, int64_t rank, int64_t size,
        Seconds timeout, std::string holder,
        std::function<void(const std::string&)> end);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The others are told why this one ends.
  void tell_failure(const std::string& why);
  /// Waits as long as the others take to read what was told: with the process
  /// that holds the board ends the board.
  void let_others_read();
  /// Whether another has failed for the same reason, or does so soon.
  bool others_say(const std::string& why, Seconds at_most);
  /// This one is through: nobody need hear of it any more.
  void tell_success();
  /// After this one lost its connection to another: which one has failed, is
  /// silent, or cannot be reached, as soon as that is known; empty where none
  /// is for the timeout.
  std::string cause();

 private:
  using Clock = std::chrono::steady_clock;
  struct Other {
    std::string beat;
    Clock::time_point heard = Clock::now();
    bool is_done = false;
  };
  /// Threads: one waits for the board, and may for long; one decides.
  void exchange();
  void decide();
  void note(const std::vector<std::string>& values);
  /// Writes it instead of beats, from now on. Waits a little for that.
  void tell(std::string word);
  /// Why the run cannot go on, where one has said nothing for so long.
  std::optional<std::string> found(Seconds silence) const;
  Seconds period() const;

  std::unique_ptr<Board> board_;  ///< Of the thread of exchange() alone.
  int64_t rank_;
  Seconds timeout_;
  std::string holder_;
  std::function<void(const std::string&)> end_;

  std::mutex mutex_;  ///< Of what follows.
  std::condition_variable changed_;
  bool stopping_ = false;
  std::string last_word_;  ///< Of this process: how it ends.
  bool is_told_ = false;   ///< That was written.
  bool is_ended_ = false;  ///< By end_.
  Clock::time_point answered_ = Clock::now();  ///< By the board.
  std::map<int64_t, Other> others_;
  std::string failure_;  ///< Of another, or of the board; empty: none.
  std::vector<std::thread> threads_;
};

}  // namespace skipzoo
