#ifdef SKIPZOO_TIFF
#include "tools/data/tiff_file.h"

#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <new>
#include <stdexcept>

namespace skipzoo {

void TiffSource::refuse() const {
  throw std::runtime_error(
      std::string("not a readable TIFF: ") +
      (error[0] == '\0' ? "its data are damaged or end too early" : error));
}

void CloseTiff::operator()(tiff* file) const { TIFFClose(file); }

namespace {

tmsize_t read_tiff(thandle_t handle, void* out, tmsize_t count) {
  auto& source = *static_cast<TiffSource*>(handle);
  const size_t left = source.bytes.size() - source.at;
  const size_t bytes = std::min(left, static_cast<size_t>(count));
  if (bytes > 0) std::memcpy(out, source.bytes.data() + source.at, bytes);
  source.at += bytes;
  return static_cast<tmsize_t>(bytes);
}
tmsize_t refuse_to_write(thandle_t, void*, tmsize_t) { return -1; }
/// From the start of the file: libtiff seeks no other way when it reads.
toff_t seek_tiff(thandle_t handle, toff_t to, int from) {
  auto& source = *static_cast<TiffSource*>(handle);
  if (from != SEEK_SET) return static_cast<toff_t>(-1);
  source.at = static_cast<size_t>(std::min<toff_t>(to, source.bytes.size()));
  return source.at;
}
int close_tiff(thandle_t) { return 0; }
toff_t size_of_tiff(thandle_t handle) {
  return static_cast<TiffSource*>(handle)->bytes.size();
}

/// "m": the bytes are in memory already, and mapped nowhere.
constexpr const char* kReadOnly = "rm";

}  // namespace

#if TIFFLIB_VERSION >= 20221213  // 4.5, which has options of each file.
namespace {

int keep_error(TIFF*, void* data, const char*, const char* format,
               va_list arguments) {
  auto& source = *static_cast<TiffSource*>(data);
  if (source.error[0] == '\0') {
    std::vsnprintf(source.error, sizeof(source.error), format, arguments);
    // One line of plain text, though it may tell of bytes in the file.
    for (char& c : source.error) {
      if (c != '\0' && (c < ' ' || c > '~')) c = ' ';
    }
  }
  return 1;  // Nothing else is told of it.
}
int keep_no_warning(TIFF*, void*, const char*, const char*, va_list) {
  return 1;
}

}  // namespace

TiffFile open_tiff(TiffSource& source) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)>
      options(TIFFOpenOptionsAlloc(), &TIFFOpenOptionsFree);
  if (!options) throw std::bad_alloc();
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMostOfTiffAtOnce);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), keep_no_warning, &source);
  return TiffFile(TIFFClientOpenExt(
      "", kReadOnly, &source, read_tiff, refuse_to_write, seek_tiff, close_tiff,
      size_of_tiff, nullptr, nullptr, options.get()));
}
#else
TiffFile open_tiff(TiffSource& source) {
  static std::once_flag silenced;
  std::call_once(silenced, [] {
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
  });
  return TiffFile(TIFFClientOpen("", kReadOnly, &source, read_tiff,
                                 refuse_to_write, seek_tiff, close_tiff,
                                 size_of_tiff, nullptr, nullptr));
}
#endif

}  // namespace skipzoo
#endif
