#pragma once

#include <filesystem>

#include "tools/plan/candidates.h"
#include "tools/weights/published_files.h"

namespace skipzoo {

/// The network that weights are of, and its preprocessing: what the file says,
/// or is known of published weights. Of a file that says nothing the network is
/// told by names and shapes, and its pictures are taken to be ImageNet's, or
/// CIFAR's where it has a stem for these. Throws FileError where they are of no
/// network of the zoo.
Pretrained pretrained_by(const std::filesystem::path& named,
                         const FetchOptions& fetch);

}  // namespace skipzoo
