#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skipzoo {

/// A TensorBoard event file of scalars. TensorBoard finds it by its name,
/// which has to contain "tfevents".
///
/// Source: TensorFlow's core/lib/io/record_writer.h (the framing) and
/// core/util/event.proto (the records), encoded by hand.
/// Every failure to read or write is a FileError.
class EventFile {
 public:
  /// Creates the file with its version record, or appends to an existing one,
  /// whose damaged tail, if any, is cut off first: what comes after a damaged
  /// record is never read.
  explicit EventFile(std::filesystem::path file);

  /// Appends one record with all these (tag, value) pairs and flushes it.
  /// `wall_time` is in seconds since 1970.
  void scalars(int64_t step,
               const std::vector<std::pair<std::string, double>>& values,
               double wall_time);

 private:
  void append_event(std::string_view event);

  std::filesystem::path file_;
};

/// Cuts the file at its first record of a step after `step` or at the first
/// damaged one, for a run that goes on from an earlier checkpoint. The version
/// record stays; a file that is missing or empty is left as it is. Throws
/// FileError if the file does not start as an event file does.
void cut_events_after(const std::filesystem::path& file, int64_t step);

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
uint32_t crc32c(std::string_view bytes);

}  // namespace skipzoo
