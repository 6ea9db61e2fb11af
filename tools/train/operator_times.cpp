#include "tools/train/operator_times.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <string_view>

namespace skipzoo {

namespace {

using Clock = std::chrono::steady_clock;

/// What an operator's name has in it, and the kind it is counted as; the first
/// that fits.
constexpr std::pair<std::string_view, const char*> kKinds[] = {
    {"conv", "convolution"}, {"batch_norm", "batch_norm"},
    {"relu", "relu"},        {"threshold", "relu"},
    {"::cat", "cat"},        {"pool", "pooling"},
    {"add", "add"},          {"mm", "linear"},
    {"softmax", "loss"},     {"nll_loss", "loss"},
    {"copy", "copy"},        {"::to", "copy"},
    {"clone", "copy"},       {"contiguous", "copy"},
};

const char* kind_of(std::string_view name) {
  for (const auto& [part, kind] : kKinds) {
    if (name.find(part) != std::string_view::npos) return kind;
  }
  return "other";
}

/// An operator or user scope that runs; what it calls is taken off its time.
struct Running : at::ObserverContext {
  Clock::time_point start = Clock::now();
  Running* caller = nullptr;
  const char* scope = nullptr;  ///< The innermost user scope around it.
  double inside = 0;
};
thread_local Running* current = nullptr;

std::mutex mutex;
std::map<std::string, double> seconds_of_kind;

std::unique_ptr<at::ObserverContext> on_start(const at::RecordFunction& call) {
  auto running = std::make_unique<Running>();
  running->caller = current;
  if (call.scope() == at::RecordScope::USER_SCOPE) {
    running->scope = call.name();
  } else if (current != nullptr) {
    running->scope = current->scope;
  }
  current = running.get();
  return running;
}

void on_end(const at::RecordFunction& call, at::ObserverContext* context) {
  auto& running = static_cast<Running&>(*context);
  const std::chrono::duration<double> whole = Clock::now() - running.start;
  current = running.caller;
  if (current != nullptr) current->inside += whole.count();
  const std::lock_guard<std::mutex> lock(mutex);
  const char* kind = running.scope ? running.scope : kind_of(call.name());
  seconds_of_kind[kind] += whole.count() - running.inside;
}

}  // namespace

struct OperatorTimes::Observer {
  at::CallbackHandle handle;
};

OperatorTimes::OperatorTimes() : observer_(new Observer) {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    seconds_of_kind.clear();
  }
  observer_->handle =
      at::addGlobalCallback(at::RecordFunctionCallback(on_start, on_end)
                                .scopes({at::RecordScope::FUNCTION,
                                         at::RecordScope::BACKWARD_FUNCTION,
                                         at::RecordScope::USER_SCOPE}));
}

OperatorTimes::~OperatorTimes() { at::removeCallback(observer_->handle); }

std::vector<std::pair<std::string, double>> OperatorTimes::by_kind() const {
  const std::lock_guard<std::mutex> lock(mutex);
  std::vector<std::pair<std::string, double>> times(seconds_of_kind.begin(),
                                                    seconds_of_kind.end());
  std::sort(times.begin(), times.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  return times;
}

}  // namespace skipzoo
