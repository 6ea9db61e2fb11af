#pragma once

#include <string>
#include <vector>

#include "tools/config/run_config.h"
#include "tools/train/distill.h"
#include "tools/weights/published_files.h"

namespace skipzoo {

/// The network that train.distill of a config names, to teach that config's: in
/// evaluation mode, on pictures of its own size and normalisation. Without one
/// the teacher is empty.
///
/// classes: names of the data's. device: where the images will be. Makes a
/// network, which draws its first weights. Throws ConfigError where channels or
/// classes are others, FileError naming the key where the file is at fault;
/// logs where the classes have other names.
Teacher load_teacher(const RunConfig& config,
                     const std::vector<std::string>& classes,
                     torch::Device device, const FetchOptions& fetch = {});

}  // namespace skipzoo
