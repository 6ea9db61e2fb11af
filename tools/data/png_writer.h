#pragma once

#include <string>

#include "tools/data/image.h"

namespace skipzoo {

/// The bytes of a PNG file of a picture of 1 or 3 channels, grey or RGB.
std::string encode_png(const Image& picture);

}  // namespace skipzoo
