#pragma once

#include "tools/data/random.h"

namespace skipzoo {

/// Normally distributed, of mean 0 and variance 1 (Box & Muller 1958).
double draw_normal(Random& random);
/// Gamma of shape `shape` and scale 1 (Marsaglia & Tsang 2000).
double draw_gamma(Random& random, double shape);
/// Beta(alpha, alpha).
double draw_beta(Random& random, double alpha);

}  // namespace skipzoo
