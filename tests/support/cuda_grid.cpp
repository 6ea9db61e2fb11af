#include "tests/support/cuda_grid.h"

#include <memory>

namespace skipzoo {

namespace {

constexpr size_t kStack = 64 << 10;

/// That of the fiber of this number, of any block: one runs at a time, and to
/// ask for fresh memory would take longer than to run.
char* stack_of(size_t fiber) {
  static std::vector<std::unique_ptr<char[]>> all;
  while (all.size() <= fiber) all.push_back(std::make_unique<char[]>(kStack));
  return all[fiber].get();
}

}  // namespace

void EmulatedBlock::enter() {
  auto& block = *running();
  (*block.body_)();
  block.fibers_[block.now_].state = State::kDone;
  // uc_link takes it back to the scheduler.
}

void EmulatedBlock::wait(State state) {
  auto& fiber = fibers_[now_];
  fiber.state = state;
  swapcontext(&fiber.context, &scheduler_);
}

void EmulatedBlock::make(Fiber& fiber, char* stack) {
  fiber.state = State::kReady;
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = stack;
  fiber.context.uc_stack.ss_size = kStack;
  fiber.context.uc_link = &scheduler_;
  makecontext(&fiber.context, &EmulatedBlock::enter, 0);
}

void EmulatedBlock::run(const std::function<void()>& body, bool from_last) {
  running() = this;
  body_ = &body;
  for (size_t i = 0; i < fibers_.size(); ++i) make(fibers_[i], stack_of(i));
  do {
    for (size_t i = 0; i < fibers_.size(); ++i) {
      now_ = from_last ? fibers_.size() - 1 - i : i;
      if (fibers_[now_].state != State::kReady) continue;
      threadIdx = {static_cast<unsigned>(now_ % width_),
                   static_cast<unsigned>(now_ / width_)};
      swapcontext(&scheduler_, &fibers_[now_].context);
    }
  } while (release());
}

bool EmulatedBlock::release() {
  const size_t count = fibers_.size();
  bool any = release(0, count, State::kAtBarrier);
  for (size_t first = 0; first < count; first += kWarp) {
    any |= release(first, std::min(first + kWarp, count), State::kAtExchange);
  }
  for (const auto& fiber : fibers_) {
    TORCH_CHECK(any || fiber.state == State::kDone,
                "threads wait for others that have gone another way");
  }
  return any;
}

bool EmulatedBlock::release(size_t first, size_t last, State from) {
  for (size_t i = first; i < last; ++i) {
    if (fibers_[i].state != from) return false;
  }
  for (size_t i = first; i < last; ++i) fibers_[i].state = State::kReady;
  return true;
}

void EmulatedKernels::run_grid(const CudaLaunch& launch,
                               const std::function<void()>& body) {
  blockDim = {launch.threads[0], launch.threads[1]};
  gridDim = {launch.blocks[0], launch.blocks[1]};
  EmulatedBlock block(launch.threads);
  bool from_last = false;
  for (unsigned y = 0; y < launch.blocks[1]; ++y) {
    for (unsigned x = 0; x < launch.blocks[0]; ++x) {
      blockIdx = {x, y};
      block.run(body, from_last);
      from_last = !from_last;
    }
  }
}

}  // namespace skipzoo
