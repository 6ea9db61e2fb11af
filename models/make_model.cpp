#include "models/make_model.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include "models/families.h"

namespace skipzoo {

std::shared_ptr<Classifier> make_model(const ModelOptions& options) {
  return std::visit(
      [](const auto& chosen) -> std::shared_ptr<Classifier> {
        using Model = typename std::decay_t<decltype(chosen)>::Model;
        return std::make_shared<Model>(chosen);
      },
      options);
}

std::shared_ptr<Classifier> make_uninitialised(const ModelOptions& options) {
  // Tensors are allocated on the CPU, where untouched memory costs nothing;
  // what would write to them goes to the meta device, which does not.
  auto keys = c10::impl::tls_local_dispatch_key_set();
  keys.included_ = keys.included_ | c10::DispatchKeySet(c10::DispatchKey::Meta);
  // This guard puts back the whole set. IncludeDispatchKeyGuard subtracts what
  // it added, which leaves a backend's bit in for the rest of the thread.
  const c10::impl::ForceDispatchKeyGuard to_meta(keys);
  return make_model(options);
}

int64_t count_parameters(const torch::nn::Module& model) {
  int64_t total = 0;
  for (const auto& parameter : model.parameters()) total += parameter.numel();
  return total;
}

NamedTensors state_dict(const torch::nn::Module& model) {
  NamedTensors entries;
  for (const auto& item : model.named_parameters()) {
    entries.emplace_back(item.key(), item.value());
  }
  for (const auto& item : model.named_buffers()) {
    entries.emplace_back(item.key(), item.value());
  }
  return entries;
}

}  // namespace skipzoo
