#pragma once

#include "tools/data/image.h"
#include "tools/data/random.h"

namespace skipzoo {

/// Any part of a picture of that size, each height and width as likely.
inline Window random_window(int64_t height, int64_t width, Random& random) {
  Window window;
  window.height = 1 + random.below(height);
  window.width = 1 + random.below(width);
  window.top = random.below(height - window.height + 1);
  window.left = random.below(width - window.width + 1);
  return window;
}

}  // namespace skipzoo
