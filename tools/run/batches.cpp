#include "tools/run/batches.h"

#include <spdlog/spdlog.h>

#include "tools/device.h"

namespace skipzoo {

Loader make_loader(const DatasetPtr& data, const RunConfig& config,
                   Loader::Mode mode, torch::Device device,
                   const Shard& shard) {
  Loader loader(data, config.data, mode, config.train.seed,
                /*pinned=*/device.is_cuda(), shard);
  if (!device.is_cuda() || config.data.on_device == OnDevice::kOff) {
    return loader;
  }
  // Files are all read now.
  const auto why = loader.keep_on(device, kShareOfDevice * free_memory(device));
  if (mode == Loader::Mode::kEvaluate) return loader;
  if (why.empty()) {
    spdlog::info("data.on_device: the training pictures live on {}",
                 device.str());
  } else {
    spdlog::info(
        "data.on_device: each batch is made by the CPU and copied to {}: {}",
        device.str(), why);
  }
  return loader;
}

}  // namespace skipzoo
