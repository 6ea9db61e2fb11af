// PyTorch 0.1's torch.save: a tar of four pickles (legacy_load in
// torch/serialization.py). In `storages`, behind each pickled key, the numbers;
// in `tensors`, behind each, the shape; `pickle` is the object, whose
// persistent ids name these; `sys_info` has the byte order.

#include <deque>
#include <map>
#include <stdexcept>

#include "tools/checked.h"
#include "tools/weights/state_dict.h"
#include "tools/weights/tar_file.h"
#include "tools/weights/tensor_builder.h"
#include "tools/weights/torch_file.h"
#include "tools/weights/types.h"

namespace skipzoo {

namespace {

using Kind = Pickle::Kind;

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error("a damaged tar of PyTorch 0.1: " + what);
}

/// Keys were addresses: numbers, which a persistent id has as text.
std::string key_of(const Pickle& key) {
  return key.kind == Kind::kText ? key.text : std::to_string(key.integer);
}

/// The pickled tuple of three that stands before each storage and tensor.
const Pickle::Items& triple(PickleReader& reader) {
  const auto& items = reader.read().items;
  if (items.size() != 3) refuse("a storage or tensor without its key");
  return items;
}

class Tar {
 public:
  Tar(std::shared_ptr<const InputFile> file, const TarFile& tar)
      : file_(std::move(file)), object_(reader(tar.at("pickle"))) {
    PickleReader system = reader(tar.at("sys_info"));
    require_little_endian(system.read());
    read_storages(tar.at("storages"));
    read_tensors(tar.at("tensors"));
  }

  const Pickle& root() {
    for (auto& [key, value] : values_) object_.name(key, *value);
    return object_.read();
  }
  TensorBuilder::Stored find(const Pickle& storage) const {
    const auto found = places_.find(storage.text);
    if (found == places_.end()) refuse("a tensor without its storage");
    const auto [begin, size] = found->second;
    return {.size = size, .read = [this, from = begin](std::span<uint8_t> to) {
              file_->read(from, to);
            }};
  }

 private:
  PickleReader reader(const TarFile::Member& member) const {
    return PickleReader(
        ByteReader(file_, member.offset, member.offset + member.size));
  }

  Pickle& add(const std::string& key, Kind kind, Pickle::Layout layout) {
    Pickle& value = made_.emplace_back();
    value.kind = kind;
    value.layout = std::make_shared<Pickle::Layout>(std::move(layout));
    values_[key] = &value;
    return value;
  }

  void read_storages(const TarFile::Member& member) {
    PickleReader in = reader(member);
    for (int64_t left = in.read().integer; left > 0; --left) {
      const auto& given = triple(in);  // Key, device, type.
      Pickle::Layout layout;
      layout.type_name = given[2]->text;
      layout.type = find_type(layout.type_name);
      if (!layout.type) refuse("a storage of type " + layout.type_name);
      const uint64_t count = in.rest().number(8);
      const auto size =
          checked_multiply(count, uint64_t{c10::elementSize(*layout.type)});
      const auto key = key_of(*given[0]);
      places_[key] = {member.offset + in.rest().position(), size};
      in.rest().skip(size);
      layout.length = static_cast<int64_t>(count);
      add(key, Kind::kStorage, std::move(layout)).text = key;
    }
    // Parts of storages: key, that of the whole, offset, length.
    for (const auto* view : in.read().items) {
      const auto& given = view->items;
      if (given.size() != 4 || given[2]->kind != Kind::kInteger ||
          given[2]->integer < 0) {
        refuse("a part of a storage without its place");
      }
      const Pickle& whole = value_at(key_of(*given[1]), Kind::kStorage);
      Pickle& part = add(key_of(*given[0]), Kind::kStorage, *whole.layout);
      part.text = whole.text;
      part.integer = checked_add(whole.integer, given[2]->integer);
    }
  }

  void read_tensors(const TarFile::Member& member) {
    PickleReader in = reader(member);
    const auto numbers = [&](uint64_t count) {
      std::vector<int64_t> values;
      for (uint64_t i = 0; i < count; ++i) {
        values.push_back(static_cast<int64_t>(in.rest().number(8)));
        if (values.back() < 0) refuse("a shape below zero");
      }
      return values;
    };
    for (int64_t left = in.read().integer; left > 0; --left) {
      const auto& given = triple(in);  // Key, that of the storage, type.
      const Pickle& storage = value_at(key_of(*given[1]), Kind::kStorage);
      const uint64_t dimensions = in.rest().number(4);
      in.rest().skip(4);  // Once the dimensions were of 8 bytes.
      if (dimensions > 64) refuse("a tensor of more dimensions than there are");
      Pickle::Layout layout;
      layout.type = storage.layout->type;
      layout.sizes = numbers(dimensions);
      layout.strides = numbers(dimensions);
      const int64_t offset = numbers(1).front();
      const bool is_read = is_readable(*layout.type);
      Pickle& tensor = add(key_of(*given[0]),
                           is_read ? Kind::kTensor : Kind::kUnreadableTensor,
                           std::move(layout));
      tensor.items = {&storage};
      tensor.integer = offset;
      if (!is_read) tensor.text = "a quantized tensor";
    }
  }

  const Pickle& value_at(const std::string& key, Kind kind) const {
    const auto found = values_.find(key);
    if (found == values_.end() || found->second->kind != kind) {
      refuse("a key that names no storage");
    }
    return *found->second;
  }

  std::shared_ptr<const InputFile> file_;
  PickleReader object_;
  std::deque<Pickle> made_;
  std::map<std::string, Pickle*> values_;
  /// Where the numbers of a storage begin, and how many bytes they are.
  std::map<std::string, std::pair<uint64_t, uint64_t>> places_;
};

}  // namespace

bool is_tar(const InputFile& file) { return TarFile::begins(file); }

WeightFile read_torch_tar(const std::shared_ptr<const InputFile>& file,
                          const ReadOptions& options) {
  const TarFile members(file);
  for (const char* name : {"sys_info", "storages", "tensors", "pickle"}) {
    if (!members.has(name)) {
      throw std::runtime_error("a tar archive" + members.first_name() +
                               ": unpack it first, by tar -xf");
    }
  }
  Tar tar(file, members);
  TensorBuilder builder(
      [&](const Pickle& storage) { return tar.find(storage); },
      {.file_size = file->size(), .shapes_only = options.shapes_only});
  WeightFile result;
  result.kind = WeightKind::kTorchLegacy;
  collect_state_dict(
      tar.root(), [&](const Pickle& tensor) { return builder(tensor); },
      options, result);
  return result;
}

}  // namespace skipzoo
