#pragma once

#include "tools/config/run_config.h"
#include "tools/data/loader.h"

namespace skipzoo {

/// The batches of a data set as a run of the config has them for that device:
/// for a GPU they come from its own memory where data.on_device says so and
/// they can, else from page-locked memory. Of training it says which, in the
/// log.
Loader make_loader(const DatasetPtr& data, const RunConfig& config,
                   Loader::Mode mode, torch::Device device,
                   const Shard& shard = {});

}  // namespace skipzoo
