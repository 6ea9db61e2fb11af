#pragma once

#include <ATen/Parallel.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace skipzoo {

/// Threads that are woken once for many parallel loops and spin between them.
///
/// A network of small layers is some hundred loops of a few microseconds, and
/// at::parallel_for() takes more than one of them to begin and to end; here it
/// is half of one. The loops are those of share_out(), which looks for the team
/// of its thread.
class Team {
 public:
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// Calls body() on this thread, while those that at::parallel_for() has stay
  /// for its loops. What else calls at::parallel_for() in it runs by one
  /// thread. Throws what body() throws.
  template <typename Body>
  static void run(const Body& body) {
    Team team;
    at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t first, int64_t) {
      if (first > 0) return team.help(first);
      const Lead lead(team);
      body();
    });
  }

  /// Of this thread, or null; null in a loop of the team, too.
  static Team* current() { return current_; }

  /// Calls work(0) on this thread, and work(worker) of others below `workers`
  /// on as many threads as are there in time: each has to be ready to do all
  /// that is left. Returns when all of them have; throws what one of them
  /// threw.
  template <typename Work>
  void share(int64_t workers, const Work& work) {
    call_ = [](const void* data, int64_t worker) {
      (*static_cast<const Work*>(data))(worker);
    };
    data_ = &work;
    workers_ = workers;
    current_ = nullptr;
    state_.fetch_add(1);  // Odd: open.
    attempt(0);
    state_.fetch_add(1);
    // Who is counted in after this sees that it is closed.
    for (Spin spin; active_.load() > 0;) spin.wait();
    current_ = this;
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  static constexpr uint64_t kOver = ~uint64_t{0} - 1;  ///< Even, as if closed.

  /// Waits a little; longer where there are more threads than processors.
  class Spin {
   public:
    void wait() {
      constexpr int kMost = 1 << 12;
      if (++count_ > kMost) return std::this_thread::yield();
#if defined(__x86_64__)
      _mm_pause();
#elif defined(__aarch64__)
      asm volatile("yield");
#endif
    }

   private:
    int count_ = 0;
  };

  /// While it lives, the team is that of this thread; then it goes home.
  class Lead {
   public:
    explicit Lead(Team& team) : team_(team) { current_ = &team; }
    ~Lead() {
      current_ = nullptr;
      team_.state_.store(kOver);
    }
    Lead(const Lead&) = delete;
    Lead& operator=(const Lead&) = delete;

   private:
    Team& team_;
  };

  Team() = default;

  void help(int64_t worker) {
    uint64_t done = 0;
    for (Spin spin;;) {
      const uint64_t state = state_.load();
      if (state == kOver) return;
      if (state % 2 == 0 || state == done) {
        spin.wait();
        continue;
      }
      active_.fetch_add(1);
      if (state_.load() == state && worker < workers_) attempt(worker);
      active_.fetch_sub(1);
      done = state;
      spin = {};
    }
  }

  void attempt(int64_t worker) {
    try {
      call_(data_, worker);
    } catch (...) {
      const std::lock_guard lock(failing_);
      failure_ = std::current_exception();
    }
  }

  static inline thread_local Team* current_ = nullptr;

  // Each in a cache line of its own, which its readers share until it changes.
  alignas(64) std::atomic<uint64_t> state_ = 0;  ///< Loops begun and ended.
  alignas(64) std::atomic<int64_t> active_ = 0;  ///< Helpers in a loop.
  // Of the loop that is open.
  alignas(64) void (*call_)(const void*, int64_t) = nullptr;
  const void* data_ = nullptr;
  int64_t workers_ = 0;
  std::mutex failing_;
  std::exception_ptr failure_ = nullptr;
};

}  // namespace skipzoo
