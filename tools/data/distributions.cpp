#include "tools/data/distributions.h"

#include <cmath>
#include <numbers>

namespace skipzoo {

double draw_normal(Random& random) {
  // 1 - u: above 0.
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

namespace {

/// Its logarithm: of a small shape, most are less than any number.
double draw_log_gamma(Random& random, double shape) {
  if (shape < 1) {
    const double more = draw_log_gamma(random, shape + 1);
    return more + std::log(1 - random.uniform()) / shape;
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = draw_normal(random);
    const double v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    const double u = 1 - random.uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return std::log(d * v);
    }
  }
}

}  // namespace

double draw_gamma(Random& random, double shape) {
  return std::exp(draw_log_gamma(random, shape));
}

double draw_beta(Random& random, double alpha) {
  const double a = draw_log_gamma(random, alpha);
  const double b = draw_log_gamma(random, alpha);
  return 1 / (1 + std::exp(b - a));
}

}  // namespace skipzoo
