#pragma once

#include <string>

#include "tools/data/image.h"

namespace skipzoo {

/// A picture of 1 or 3 channels as the bytes of a JPEG file, for people to look
/// at: it loses detail. quality: libjpeg's, 1 to 100. Throws std::runtime_error
/// where a side is longer than JPEG can say, 65,500.
std::string encode_jpeg(const Image& image, int quality = 80);

}  // namespace skipzoo
