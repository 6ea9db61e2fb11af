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

/// An operator that runs, and what those it calls read and write.
struct Moving : at::ObserverContext {
  Moving* caller = nullptr;
  double inside = 0;
};
thread_local Moving* moving = nullptr;

using Tensors = std::vector<at::Tensor>;

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

/// What an operator reads and writes by its own account. Of one without a
/// schema, a kernel of ours: all that it is given.
double own_bytes(const at::RecordFunction& call) {
  const std::string_view name = call.name();
  if (touches_nothing(name)) return 0;
  const auto inputs = call.inputs();
  const auto schema = call.operator_schema();
  Tensors all, read, written;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensors own;
    add_tensors(inputs[i], own);
    all.insert(all.end(), own.begin(), own.end());
    const auto* alias = schema && i < schema->arguments().size()
                            ? schema->arguments()[i].alias_info()
                            : nullptr;
    const bool writes = alias != nullptr && alias->isWrite();
    if (writes) written.insert(written.end(), own.begin(), own.end());
    const bool is_out = writes && schema->arguments()[i].is_out();
    if (!is_out && (!writes || reads_first(name))) {
      read.insert(read.end(), own.begin(), own.end());
    }
  }
  Tensors results;
  for (const auto& output : call.outputs()) add_tensors(output, results);
  bool is_view = written.empty() && !results.empty();
  for (const auto& result : results) {
    if (is_of(result, all)) continue;
    is_view = false;
    written.push_back(result);
  }
  return is_view ? 0 : sum_of(read) + sum_of(written);
}

std::unique_ptr<at::ObserverContext> begins(const at::RecordFunction&) {
  auto now = std::make_unique<Moving>();
  now->caller = moving;
  moving = now.get();
  return now;
}

void ends(const at::RecordFunction& call, at::ObserverContext* context) {
  const auto& now = static_cast<Moving&>(*context);
  moving = now.caller;
  const bool is_operator = call.scope() == at::RecordScope::FUNCTION;
  const double bytes =
      std::max(now.inside, is_operator ? own_bytes(call) : 0.0);
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
