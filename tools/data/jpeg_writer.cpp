#include "tools/data/jpeg_writer.h"

#include <cstdio>
// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>

#include <csetjmp>
#include <cstdlib>
#include <stdexcept>

namespace skipzoo {

namespace {

struct WriterErrors {
  jpeg_error_mgr manager;
  std::jmp_buf back;
};

void on_writer_error(j_common_ptr info) {
  std::longjmp(reinterpret_cast<WriterErrors*>(info->err)->back, 1);
}

/// libjpeg reports errors by longjmp, which must not pass over a C++ object
/// with a destructor: this function holds none. *bytes is to be freed.
bool write_jpeg(const Image& image, int quality, unsigned char** bytes,
                unsigned long* size) {
  WriterErrors errors;
  jpeg_compress_struct info;
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = on_writer_error;
  if (setjmp(errors.back) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, bytes, size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = static_cast<int>(image.channels);
  info.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  const size_t row = static_cast<size_t>(image.channels * image.width);
  while (info.next_scanline < info.image_height) {
    // It is only read from.
    auto* pixels =
        const_cast<JSAMPLE*>(image.pixels.data() + row * info.next_scanline);
    jpeg_write_scanlines(&info, &pixels, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace

std::string encode_jpeg(const Image& image, int quality) {
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const bool is_written = write_jpeg(image, quality, &bytes, &size);
  std::string text;
  if (is_written) text.assign(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  if (!is_written) {
    throw std::runtime_error("a picture of " + std::to_string(image.width) +
                             " x " + std::to_string(image.height) +
                             " pixels cannot be written as JPEG");
  }
  return text;
}

}  // namespace skipzoo
