#pragma once

#include <string>
#include <vector>

#include "tools/report/plot.h"
#include "tools/study/loss_surface.h"

namespace skipzoo {

/// A piece of a contour line; its ends are places along both directions.
struct Segment {
  Point from, to;
};

/// Where a surface has this loss, by marching squares: between neighbouring
/// points it is linear. None in a square with a corner that is not finite.
std::vector<Segment> contour(const LossSurface& surface, double level);

/// Levels from the lowest loss, or 0.01, to the highest, or 10,000 times that:
/// evenly spaced by their logarithms, rounded to two digits.
std::vector<double> contour_levels(const LossSurface& surface);

/// The surface as contour lines that have their loss beside them, and as a
/// table, folded. title: text.
std::string contour_figure(const std::string& title,
                           const LossSurface& surface);

}  // namespace skipzoo
