#include "tools/weights/torch_file.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "tools/checked.h"
#include "tools/memory.h"
#include "tools/weights/file_kind.h"
#include "tools/weights/state_dict.h"
#include "tools/weights/tensor_builder.h"

namespace skipzoo {

namespace {

/// Whether the numbers of an archive are big-endian, as s390x writes them.
bool is_big_endian(const ZipFile& zip) {
  if (!zip.has("byteorder")) return false;
  const auto bytes = zip.read("byteorder", 64);
  const std::string order(bytes.begin(), bytes.end());
  if (order != "big" && order != "little") {
    throw std::runtime_error(
        "its record byteorder says neither big nor little");
  }
  return order == "big";
}

TensorBuilder builder_of(const ZipFile& zip, const InputFile& file,
                         const std::string& name, bool shapes_only) {
  return {[&zip, name](const Pickle& storage) {
            const auto& record = zip.at(name + "/" + storage.text);
            return TensorBuilder::Stored{
                .size = record.size,
                .read = [&](std::span<uint8_t> to) { zip.read(record, to); }};
          },
          {.file_size = file.size(),
           .shapes_only = shapes_only,
           .is_big_endian = is_big_endian(zip)}};
}

/// The bytes that end with the magic number's own, as each protocol begins.
constexpr std::string_view kMagic(
    "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12);
constexpr std::string_view kMagicInWords = "L119547037146038801333356L\n";

/// The storages of a file before 1.6, by their keys: where they begin and how
/// long they are.
using Places = std::map<std::string, std::pair<uint64_t, uint64_t>>;

/// They stand in the order of their keys; only the object says of which type,
/// and so how long, each of them is.
Places read_places(PickleReader& reader, const Pickle& keys) {
  std::map<std::string, uint64_t> element_sizes;
  for (const auto* storage : reader.storages()) {
    if (!storage->layout->type) {
      throw std::runtime_error("a storage of type " +
                               storage->layout->type_name +
                               ", which is not one of weights");
    }
    element_sizes[storage->text] = c10::elementSize(*storage->layout->type);
  }
  Places places;
  for (const auto* key : keys.items) {
    const auto element = element_sizes.find(key->text);
    if (element == element_sizes.end()) {
      throw std::runtime_error("a storage that its object does not name");
    }
    const auto size =
        checked_multiply(reader.rest().number(8), element->second);
    places[key->text] = {reader.rest().position(), size};
    reader.rest().skip(size);
  }
  return places;
}

}  // namespace

std::vector<uint8_t> read_zip_pickle(const ZipFile& zip,
                                     const std::string& name) {
  constexpr uint64_t kMost = uint64_t{1} << 30;
  require_memory(std::min(zip.at(name).size, kMost));
  return zip.read(name, kMost);
}

NamedTensors read_zip_tensors(const ZipFile& zip, const InputFile& file,
                              const std::string& name) {
  const auto bytes = read_zip_pickle(zip, name + ".pkl");
  PickleReader reader{std::span(bytes)};
  const Pickle& dict = reader.read();
  auto build = builder_of(zip, file, name, /*shapes_only=*/false);
  NamedTensors tensors;
  if (dict.kind != Pickle::Kind::kDict) {
    throw std::runtime_error("its " + name + ".pkl holds no dict");
  }
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    if (dict.items[i]->kind != Pickle::Kind::kText ||
        dict.items[i + 1]->kind != Pickle::Kind::kTensor) {
      throw std::runtime_error("its " + name +
                               ".pkl holds other than tensors by name");
    }
    tensors.emplace_back(dict.items[i]->text, build(*dict.items[i + 1]));
  }
  return tensors;
}

WeightFile read_torch_zip(const std::shared_ptr<const InputFile>& file,
                          const ReadOptions& options) {
  const ZipFile zip(file);
  if (!zip.has("data.pkl")) throw std::runtime_error(what_zip(zip));
  WeightFile result;
  result.kind = zip.has("skipzoo.json")    ? WeightKind::kSkipzoo
                : zip.has("constants.pkl") ? WeightKind::kTorchScript
                                           : WeightKind::kTorchZip;
  const auto bytes = read_zip_pickle(zip, "data.pkl");
  PickleReader reader{std::span(bytes)};
  const Pickle& root = reader.read();
  auto builder = builder_of(zip, *file, "data", options.shapes_only);
  const auto build = [&](const Pickle& tensor) { return builder(tensor); };
  if (result.kind == WeightKind::kTorchScript) {
    collect_module(root, build, options, result);
  } else {
    collect_state_dict(root, build, options, result);
  }
  return result;
}

bool is_torch_legacy(const InputFile& file) {
  const uint64_t size = std::min<uint64_t>(file.size(), 64);
  const auto bytes = file.read(0, size);
  std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                        bytes.size());
  if (head.starts_with(kMagicInWords)) return true;
  if (!head.starts_with('\x80') || head.size() < 2) return false;
  head.remove_prefix(2);  // The protocol.
  constexpr size_t kFrame = 9;
  if (head.starts_with('\x95') && head.size() > kFrame) {
    head.remove_prefix(kFrame);
  }
  return head.starts_with(kMagic) || head.starts_with(kMagicInWords);
}

WeightFile read_torch_legacy(const std::shared_ptr<const InputFile>& file,
                             const ReadOptions& options) {
  PickleReader reader(ByteReader(file, 0, file->size()));
  reader.read();  // The magic number, by which the file was recognised.
  reader.read();  // The protocol, 1001 for ever.
  require_little_endian(reader.read());
  const Pickle& root = reader.read();
  const Pickle& keys = reader.read();
  const Places places = read_places(reader, keys);

  WeightFile result;
  result.kind = WeightKind::kTorchLegacy;
  TensorBuilder builder(
      [&](const Pickle& storage) {
        const auto found = places.find(storage.text);
        if (found == places.end()) throw std::runtime_error("lacks a storage");
        const auto [offset, size] = found->second;
        return TensorBuilder::Stored{
            .size = size,
            .read = [&file, from = offset](std::span<uint8_t> to) {
              file->read(from, to);
            }};
      },
      {.file_size = file->size(), .shapes_only = options.shapes_only});
  collect_state_dict(
      root, [&](const Pickle& tensor) { return builder(tensor); }, options,
      result);
  return result;
}

void require_little_endian(const Pickle& system) {
  const Pickle* little_endian = system.find("little_endian");
  if (little_endian == nullptr || little_endian->integer != 0) return;
  throw std::runtime_error(
      "its byte order is big-endian, that of the machine that wrote it; load "
      "it "
      "there in Python, and save it with today's torch.save");
}

}  // namespace skipzoo
