#pragma once

#include "models/kernels/cuda/kernels.h"

namespace skipzoo {

/// The kernels of models/kernels/cuda/, their text compiled for this processor:
/// launched on tensors of the CPU, they run in an emulated grid. A GPU of three
/// multiprocessors, so that small tensors too are shared by several blocks.
CudaKernelsPtr emulated_kernels();

}  // namespace skipzoo
