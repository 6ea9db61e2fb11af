#include "tools/weights/safetensors.h"

#include <stdexcept>

#include "tools/checked.h"
#include "tools/weights/byte_reader.h"
#include "tools/weights/safetensors_header.h"
#include "tools/weights/storage.h"

namespace skipzoo {

namespace {

constexpr uint64_t kLengthSize = 8;
/// The format's own limit.
constexpr uint64_t kMostHeader = 100'000'000;

torch::Tensor read_tensor(const InputFile& file, uint64_t data,
                          const SafetensorsEntry& entry,
                          const ReadOptions& options) {
  const auto place = Place::contiguous(entry.shape);
  const uint64_t size = checked_subtract(entry.end, entry.begin);
  place.count_within(size, *entry.type);
  if (options.shapes_only) return shape_of(*entry.type, place);
  const auto storage = make_storage(size);
  file.read(checked_add(data, entry.begin), bytes_of(storage));
  return view_of(storage, *entry.type, place);
}

}  // namespace

bool is_safetensors(const InputFile& file) {
  if (file.size() < kLengthSize + 2) return false;
  const auto bytes = file.read(0, kLengthSize + 1);
  // Longer headers are for the reader to refuse; above 2^40 it is another file.
  return ByteReader(bytes).number(kLengthSize) < uint64_t{1} << 40 &&
         bytes.back() == '{';
}

WeightFile read_safetensors(const std::shared_ptr<const InputFile>& file,
                            const ReadOptions& options) {
  ByteReader start(file, 0, kLengthSize);
  const uint64_t length = start.number(kLengthSize);
  if (length > kMostHeader) {
    throw std::runtime_error("its header is of " + std::to_string(length) +
                             " bytes, but the format allows " +
                             std::to_string(kMostHeader));
  }
  if (!lies_within(kLengthSize, length, file->size())) {
    throw std::runtime_error(
        "its header reaches beyond the file; was the download cut short?");
  }
  const auto header = file->read(kLengthSize, length);
  if (header.empty() || header.front() != '{') {
    throw std::runtime_error("its header does not begin with a brace");
  }
  const uint64_t data = kLengthSize + length;
  WeightFile result;
  result.kind = WeightKind::kSafetensors;
  for (const auto& entry :
       read_safetensors_header(header, file->size() - data)) {
    if (!entry.type) {
      result.left_out.push_back({entry.name, "of type " + entry.type_name});
      continue;
    }
    if (options.wanted && !options.wanted(entry.name)) continue;
    try {
      result.tensors.emplace_back(entry.name,
                                  read_tensor(*file, data, entry, options));
    } catch (const std::overflow_error& error) {
      throw std::runtime_error(entry.name + ": " + error.what());
    }
  }
  return result;
}

}  // namespace skipzoo
