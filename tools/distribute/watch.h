#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
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
  /// holder: who holds the board, in words, should it be gone. end: called
  /// once, with the cause, where another process has failed or has not been
  /// heard of for so long, and this one has not ended since, perhaps because it
  /// waits for that one; by a thread of its own. All construct theirs before
  /// any goes on.
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
  /// Passes the cause on, so that all name the same, and calls `end`.
  void end_for(const std::string& cause);

 private:
  struct State;
  /// Waits for what may make an end.
  void decide();
  /// Writes it instead of beats, from now on. Waits a little for that.
  void tell(std::string word, Seconds at_most);

  /// Also of the thread that reads and writes: a board that does not answer may
  /// hold it for ever, and this process is not to wait for that.
  std::shared_ptr<State> state_;
  std::function<void(const std::string&)> end_;
  std::thread decides_;
};

}  // namespace skipzoo
