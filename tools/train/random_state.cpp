#include "tools/train/random_state.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <c10/util/Exception.h>

#include <stdexcept>

#include "tools/printable.h"

namespace skipzoo {

namespace {

/// Before it is set: LibTorch reads it as it is.
void check(const std::string& device, const torch::Tensor& state) {
  bool fits = state.scalar_type() == torch::kByte && state.dim() == 1 &&
              state.is_contiguous();
  if (fits && device == "cpu") {
    try {
      auto generator = at::detail::createCPUGenerator();
      generator.set_state(state);
      // LibTorch draws the numbers that are left from the next one on, and
      // does not look whether there are as many.
      const auto drawn =
          at::check_generator<at::CPUGeneratorImpl>(generator)->engine().data();
      fits = static_cast<int64_t>(drawn.next_) + drawn.left_ <=
             at::MERSENNE_STATE_N + 1;
    } catch (const c10::Error&) {
      fits = false;
    }
  } else {
    fits = fits && state.numel() == 16;  // CUDA's seed and offset.
  }
  if (!fits) {
    throw std::runtime_error("random/" + printable(device) +
                             " is no state of a generator");
  }
}

}  // namespace

NamedTensors random_state(torch::Device device) {
  NamedTensors states;
  std::vector<torch::Device> devices = {torch::kCPU};
  if (!device.is_cpu()) devices.push_back(device);
  for (const auto& one : devices) {
    const auto& generator = at::globalContext().defaultGenerator(one);
    states.emplace_back(one.str(), generator.get_state());
  }
  return states;
}

void set_random_state(const NamedTensors& states, torch::Device device) {
  for (const auto& [name, state] : states) check(name, state);
  for (const auto& [name, state] : states) {
    // Resumed on another device, a run goes on with fresh numbers there.
    if (name != "cpu" && name != device.str()) continue;
    auto generator = at::globalContext().defaultGenerator(torch::Device(name));
    generator.set_state(state);
  }
}

StateSection random_section(torch::Device device) {
  return {.name = "random",
          .save = [device] { return random_state(device); },
          .load =
              [device](const NamedTensors& saved) {
                set_random_state(saved, device);
              }};
}

}  // namespace skipzoo
