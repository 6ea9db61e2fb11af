#pragma once

#include <string>

#include "models/named_tensors.h"
#include "tools/train/options.h"

namespace skipzoo {

/// Keeps the gradients of these parameters, which all have one, within `limit`;
/// reads nothing back from the device.
///
/// kNorm and kValue: as torch.nn.utils.clip_grad_norm_ and clip_grad_value_.
/// kAgc: the gradient of each output, a row of the first axis, to at most
/// `limit` times the norm of its weights, or of 1e-3 (Brock et al. 2021,
/// arXiv:2102.06171, section 4.1); vectors as a whole, as in timm, and the
/// layer `head` not at all.
void clip_gradients(const NamedTensors& parameters, double limit, ClipMode mode,
                    const std::string& head);

}  // namespace skipzoo
