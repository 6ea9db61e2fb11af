#pragma once

#include <cstdint>

#include "tools/train/callback.h"
#include "tools/train/options.h"

namespace skipzoo {

/// How much of the average stays at its update number `update`, from 0 on.
///
/// With a warm-up 1 - (1 + update)^(-2/3), at most options.decay, as timm's
/// ModelEmaV3: what came before the first update counts nothing then.
double ema_decay(const EmaOptions& options, int64_t update);

/// An exponential moving average of weights and buffers (Polyak & Juditsky
/// 1992; Tarvainen & Valpola 2017, arXiv:1703.01780, section 2), by which the
/// network is validated too. Integers, such as counts of batches, are the
/// network's.
CallbackFactory make_ema(const EmaOptions& options);

}  // namespace skipzoo
