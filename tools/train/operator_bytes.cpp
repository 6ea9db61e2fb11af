#include "tools/train/operator_bytes.h"

#include <ATen/core/function_schema.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <initializer_list>
#include <mutex>
#include <string_view>
#include <vector>

namespace skipzoo {

namespace {

std::mutex bytes_mutex;
double bytes_in_all = 0;

using Tensors = std::vector<at::Tensor>;

/// An operator that runs, and what those it calls read and write.
struct Moving : at::ObserverContext {
  Moving* caller = nullptr;
  double inside = 0;
  // By its own account. Its inputs are there to be seen when it begins alone.
  Tensors given, read, written;
};
thread_local Moving* moving = nullptr;

void add_tensors(const c10::IValue& value, Tensors& tensors) {
  if (value.isTensor()) {
    const auto& tensor = value.toTensor();
    if (tensor.defined() && tensor.has_storage()) tensors.push_back(tensor);
  } else if (value.isTensorList()) {
    for (const at::Tensor& one : value.toTensorList()) {
      if (one.defined() && one.has_storage()) tensors.push_back(one);
    }
  }
}

/// Of its elements, what is repeated counted once.
double bytes_of(const at::Tensor& tensor) {
  double bytes = static_cast<double>(tensor.element_size());
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    if (tensor.stride(i) != 0) bytes *= static_cast<double>(tensor.size(i));
  }
  return tensor.numel() == 0 ? 0 : bytes;
}

double sum_of(const Tensors& tensors) {
  double bytes = 0;
  for (const auto& tensor : tensors) bytes += bytes_of(tensor);
  return bytes;
}

bool ends_with_any(std::string_view name,
                   std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

/// Those that write over a tensor without a look at it.
bool reads_first(std::string_view name) {
  return !ends_with_any(name, {"copy_", "fill_", "zero_", "normal_", "uniform_",
                               "random_", "bernoulli_"});
}

/// Those that make memory, or another view of it, and touch none.
bool touches_nothing(std::string_view name) {
  return name.find("::empty") != name.npos ||
         name.find("::new_empty") != name.npos ||
         ends_with_any(name,
                       {"as_strided_", "resize_", "set_", "detach_", "squeeze_",
                        "transpose_", "::t_", "requires_grad_"});
}

/// Whether `tensor` is one of these, or a view of one.
bool is_of(const at::Tensor& tensor, const Tensors& others) {
  return std::any_of(
      others.begin(), others.end(),
      [&](const at::Tensor& other) { return tensor.is_alias_of(other); });
}

/// Of an operator without a schema, a kernel of ours: it reads all that it is
/// given.
void take_inputs(const at::RecordFunction& call, Moving& now) {
  const auto inputs = call.inputs();
  const auto schema = call.operator_schema();
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensors own;
    add_tensors(inputs[i], own);
    now.given.insert(now.given.end(), own.begin(), own.end());
    const auto* alias = schema && i < schema->arguments().size()
                            ? schema->arguments()[i].alias_info()
                            : nullptr;
    const bool writes = alias != nullptr && alias->isWrite();
    if (writes) now.written.insert(now.written.end(), own.begin(), own.end());
    const bool is_out = writes && schema->arguments()[i].is_out();
    if (!is_out && (!writes || reads_first(call.name()))) {
      now.read.insert(now.read.end(), own.begin(), own.end());
    }
  }
}

/// What an operator that has run read and wrote by its own account.
double own_bytes(const at::RecordFunction& call, Moving& now) {
  if (touches_nothing(call.name())) return 0;
  Tensors results;
  for (const auto& output : call.outputs()) add_tensors(output, results);
  bool is_view = now.written.empty() && !results.empty();
  for (const auto& result : results) {
    if (is_of(result, now.given)) continue;
    is_view = false;
    now.written.push_back(result);
  }
  return is_view ? 0 : sum_of(now.read) + sum_of(now.written);
}

bool is_operator(const at::RecordFunction& call) {
  return call.scope() == at::RecordScope::FUNCTION;
}

std::unique_ptr<at::ObserverContext> begins(const at::RecordFunction& call) {
  auto now = std::make_unique<Moving>();
  if (is_operator(call)) take_inputs(call, *now);
  now->caller = moving;
  moving = now.get();
  return now;
}

void ends(const at::RecordFunction& call, at::ObserverContext* context) {
  auto& now = static_cast<Moving&>(*context);
  moving = now.caller;
  const double bytes =
      std::max(now.inside, is_operator(call) ? own_bytes(call, now) : 0.0);
  if (moving != nullptr) {
    moving->inside += bytes;
    return;
  }
  const std::lock_guard<std::mutex> lock(bytes_mutex);
  bytes_in_all += bytes;
}

}  // namespace

struct OperatorBytes::Observer {
  at::CallbackHandle handle;
};

OperatorBytes::OperatorBytes() : observer_(new Observer) {
  {
    const std::lock_guard<std::mutex> lock(bytes_mutex);
    bytes_in_all = 0;
  }
  observer_->handle =
      at::addGlobalCallback(at::RecordFunctionCallback(begins, ends)
                                .needsInputs(true)
                                .needsOutputs(true)
                                .scopes({at::RecordScope::FUNCTION,
                                         at::RecordScope::BACKWARD_FUNCTION}));
}

OperatorBytes::~OperatorBytes() { at::removeCallback(observer_->handle); }

double OperatorBytes::bytes() const {
  const std::lock_guard<std::mutex> lock(bytes_mutex);
  return bytes_in_all;
}

}  // namespace skipzoo
