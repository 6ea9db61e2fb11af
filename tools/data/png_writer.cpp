#include "tools/data/png_writer.h"

#include <png.h>

#include <stdexcept>

namespace skipzoo {

std::string encode_png(const Image& picture) {
  if (picture.channels != 1 && picture.channels != 3) {
    throw std::logic_error("a PNG of " + std::to_string(picture.channels) +
                           " channels");
  }
  png_image out{};
  out.version = PNG_IMAGE_VERSION;
  out.width = static_cast<png_uint_32>(picture.width);
  out.height = static_cast<png_uint_32>(picture.height);
  out.format = picture.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(out);
  std::string bytes(size, '\0');
  // The simplified interface, which does not leave by longjmp.
  if (png_image_write_to_memory(&out, bytes.data(), &size, 0,
                                picture.pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error(std::string("no PNG can be made: ") + out.message);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace skipzoo
