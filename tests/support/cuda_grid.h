#pragma once

// A grid of CUDA's threads on this processor: what a kernel's text is made of,
// and who runs it. Each thread of a block is a fiber, so that one waits for the
// others where it says __syncthreads(), or for its warp where it exchanges a
// number. Blocks run one after the other, and in one the threads from the first
// or from the last on: who does not wait reads what is not there yet.

#include <ucontext.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "models/kernels/cuda/kernels.h"

namespace skipzoo {

/// The fibers of a block. One block at a time.
class EmulatedBlock {
 public:
  static constexpr size_t kWarp = 32;

  explicit EmulatedBlock(std::array<unsigned, 2> threads)
      : width_(threads[0]), fibers_(threads[0] * threads[1]) {}

  /// Calls `body` as each of the threads. Throws c10::Error where some wait for
  /// others that never come.
  void run(const std::function<void()>& body, bool from_last);

  /// The thread that runs now, in the order of the block.
  size_t thread() const { return now_; }
  /// Where all threads of the block meet.
  void synchronize() { wait(State::kAtBarrier); }
  /// What the thread `apart` after this one gives in the same call, within
  /// their warp; else its own.
  template <typename T>
  T from_warp(T own, int apart);

  static EmulatedBlock*& running() {
    static EmulatedBlock* block = nullptr;
    return block;
  }

 private:
  enum class State { kReady, kAtBarrier, kAtExchange, kDone };
  struct Fiber {
    ucontext_t context = {};
    State state = State::kReady;
    uint64_t given[2] = {};  ///< To its warp, this time and the time before.
    int exchanges = 0;
  };

  static void enter();
  void make(Fiber& fiber, char* stack);
  void wait(State state);
  /// Lets fibers go on that have waited for all they wait for.
  bool release();
  bool release(size_t first, size_t last, State from);

  size_t width_;
  std::vector<Fiber> fibers_;
  size_t now_ = 0;
  ucontext_t scheduler_ = {};
  const std::function<void()>* body_ = nullptr;
};

template <typename T>
T EmulatedBlock::from_warp(T own, int apart) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  auto& fiber = fibers_[now_];
  const int which = fiber.exchanges++ % 2;
  std::memcpy(&fiber.given[which], &own, sizeof(T));
  wait(State::kAtExchange);
  const auto other = now_ + static_cast<size_t>(apart);
  if (other / kWarp != now_ / kWarp) return own;
  T found;
  std::memcpy(&found, &fibers_[other].given[which], sizeof(T));
  return found;
}

/// Kernels by their names, run by an emulated grid on tensors of the CPU.
class EmulatedKernels : public CudaKernels {
 public:
  explicit EmulatedKernels(int64_t multiprocessors)
      : multiprocessors_(multiprocessors) {}

  int64_t multiprocessors() const override { return multiprocessors_; }

  template <typename... Parameters>
  void add(const std::string& name, void (*kernel)(Parameters...)) {
    kernels_[name] = [kernel, name](const CudaLaunch& launch,
                                    const CudaArgument* arguments,
                                    size_t count) {
      TORCH_CHECK(count == sizeof...(Parameters), name, " takes ",
                  sizeof...(Parameters), " arguments, not ", count);
      std::tuple<Parameters...> values;
      read(values, name, arguments, std::index_sequence_for<Parameters...>());
      run_grid(launch, [&] { std::apply(kernel, values); });
    };
  }
  bool has(const std::string& name) const { return kernels_.count(name) > 0; }

 private:
  using Runner =
      std::function<void(const CudaLaunch&, const CudaArgument*, size_t count)>;

  template <typename Tuple, size_t... i>
  static void read(Tuple& values, const std::string& name,
                   const CudaArgument* arguments, std::index_sequence<i...>) {
    const auto one = [&](auto& value, const CudaArgument& argument) {
      TORCH_CHECK(argument.size == sizeof(value), name,
                  ": an argument of another size");
      std::memcpy(&value, argument.data, sizeof(value));
    };
    (one(std::get<i>(values), arguments[i]), ...);
  }
  static void run_grid(const CudaLaunch& launch,
                       const std::function<void()>& body);
  void run(const CudaLaunch& launch, const CudaArgument* arguments,
           size_t count) override {
    const auto found = kernels_.find(launch.kernel);
    TORCH_CHECK(found != kernels_.end(), "no kernel ", launch.kernel);
    found->second(launch, arguments, count);
  }

  int64_t multiprocessors_;
  std::map<std::string, Runner> kernels_;
};

}  // namespace skipzoo

// What a kernel's text is made of.

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

struct EmulatedIndex {
  unsigned x = 0, y = 0;
};
inline EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;

inline void __syncthreads() {
  skipzoo::EmulatedBlock::running()->synchronize();
}
template <typename T>
T __shfl_down_sync(unsigned, T own, int apart) {
  return skipzoo::EmulatedBlock::running()->from_warp(own, apart);
}
inline float __uint_as_float(unsigned bits) {
  return std::bit_cast<float>(bits);
}
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float float_of_half(unsigned short bits) {
  return c10::Half(bits, c10::Half::from_bits());
}
inline unsigned short half_of_float(float x) { return c10::Half(x).x; }
