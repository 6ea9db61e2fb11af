#include "tools/weights/torch_file.h"

#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>

#include "tools/weights/pickle.h"
#include "tools/weights/storage.h"

namespace skipzoo {

namespace {

using Bytes = std::span<const uint8_t>;
/// The data of a storage.
using FindStorage = std::function<Bytes(const Pickle& storage)>;

/// Turns pickled tensors into tensors over the file.
class TensorBuilder {
 public:
  TensorBuilder(std::shared_ptr<const MappedFile> file,
                const ReadOptions& options, FindStorage find)
      : file_(std::move(file)), options_(options), find_(std::move(find)) {}

  torch::Tensor operator()(const Pickle& tensor) const {
    const Pickle& storage = *tensor.items.front();
    return view_of(file_, find_(storage), scalar_type(tensor.dtype),
                   storage.integer + tensor.integer, tensor.sizes,
                   tensor.strides, options_.shapes_only);
  }

 private:
  std::shared_ptr<const MappedFile> file_;
  ReadOptions options_;
  FindStorage find_;
};

bool holds_tensors(const Pickle& dict) {
  for (size_t i = 1; i < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == Pickle::Kind::kTensor) return true;
  }
  return false;
}

/// The state dict in what a program saved: itself, or under a customary key.
/// timm's order, whose averaged weights come first where they are asked for.
const Pickle* find_state_dict(const Pickle& root, const ReadOptions& options,
                              WeightFile& file) {
  if (root.kind != Pickle::Kind::kDict) return nullptr;
  if (holds_tensors(root)) return &root;
  std::vector<const char*> keys = {"state_dict", "model", "net",
                                   "model_state_dict"};
  const std::vector<const char*> averaged = {"state_dict_ema", "model_ema",
                                             "ema"};
  keys.insert(options.prefer_ema ? keys.begin() : keys.end(), averaged.begin(),
              averaged.end());
  for (const char* key : keys) {
    const Pickle* dict = root.find(key);
    if (dict == nullptr || dict->kind != Pickle::Kind::kDict) continue;
    // Averaged weights are wrapped once more by some.
    const Pickle* inner = dict->find("module");
    if (!holds_tensors(*dict) && inner != nullptr) dict = inner;
    if (!holds_tensors(*dict)) continue;
    file.wrapper = key;
    file.averaged = std::find(averaged.begin(), averaged.end(),
                              std::string_view(key)) != averaged.end();
    return dict;
  }
  return nullptr;
}

/// What the object is, for a message.
std::string describe(const Pickle& root) {
  if (root.kind == Pickle::Kind::kOpaque) {
    return "an object of type " + root.text + "; save its state_dict() instead";
  }
  if (root.kind != Pickle::Kind::kDict) return "no dict of tensors";
  std::string keys;
  for (size_t i = 0; i < root.items.size() && i < 16; i += 2) {
    keys += (i > 0 ? ", " : "") + root.items[i]->text;
  }
  return "a dict without weights; its keys are " + keys;
}

void collect(const Pickle& dict, const TensorBuilder& build,
             NamedTensors& tensors) {
  std::map<std::string, size_t> place;
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const Pickle& key = *dict.items[i];
    const Pickle& value = *dict.items[i + 1];
    if (value.kind != Pickle::Kind::kTensor) continue;  // Notes beside them.
    if (key.kind != Pickle::Kind::kText) {
      throw std::runtime_error("a tensor whose name is no text");
    }
    const auto [at, fresh] = place.emplace(key.text, tensors.size());
    if (fresh) {
      tensors.emplace_back(key.text, build(value));
    } else {
      tensors[at->second].second = build(value);  // As in a Python dict.
    }
  }
}

/// A TorchScript module's state: attributes by name, submodules among them.
void collect_module(const Pickle& module, const std::string& prefix, int depth,
                    const TensorBuilder& build, NamedTensors& tensors) {
  if (depth > 100) throw std::runtime_error("modules nested too deeply");
  if (module.items.empty()) return;
  const Pickle& state = *module.items.front();
  if (state.kind != Pickle::Kind::kDict) return;
  for (size_t i = 0; i + 1 < state.items.size(); i += 2) {
    const std::string name = prefix + state.items[i]->text;
    const Pickle& value = *state.items[i + 1];
    if (value.kind == Pickle::Kind::kTensor) {
      tensors.emplace_back(name, build(value));
      if (tensors.size() > 1'000'000) throw std::runtime_error("too many");
    } else if (value.kind == Pickle::Kind::kOpaque) {
      collect_module(value, name + ".", depth + 1, build, tensors);
    }
  }
}

void collect_state_dict(const Pickle& root, const TensorBuilder& build,
                        const ReadOptions& options, WeightFile& result) {
  const Pickle* dict = find_state_dict(root, options, result);
  if (dict == nullptr) {
    throw std::runtime_error("holds " + describe(root));
  }
  collect(*dict, build, result.tensors);
}

/// A record of a zip where it lies in the file. Only stored, never packed ones:
/// torch writes no others, and nothing can swell.
class ZipRecords {
 public:
  ZipRecords(const std::filesystem::path& path, Bytes file)
      : reader_(path.string()), file_(file) {}

  bool has(const std::string& name) { return reader_.hasRecord(name); }
  Bytes get(const std::string& name) {
    if (!has(name)) throw std::runtime_error("lacks its record " + name);
    const size_t offset = reader_.getRecordOffset(name);
    const size_t size = reader_.getRecordSize(name);
    if (is_packed(offset)) {
      throw std::runtime_error("its record " + name +
                               " is packed, which torch.save never does; "
                               "unpack the zip, and zip it again with -0");
    }
    if (offset > file_.size() || size > file_.size() - offset) {
      throw std::runtime_error("its record " + name +
                               " reaches beyond the file");
    }
    return file_.subspan(offset, size);
  }

 private:
  /// Whether the local header that ends at `offset` names a way of packing
  /// (PKWARE's APPNOTE, 4.3.7). LibTorch's reader does not tell: the header is
  /// looked for backwards, by its mark and its own length.
  bool is_packed(size_t offset) const {
    constexpr size_t kFixed = 30, kMost = kFixed + 2 * 0xFFFF;
    const size_t end = std::min(offset, file_.size());
    for (size_t length = kFixed; length <= std::min(end, kMost); ++length) {
      const uint8_t* header = file_.data() + end - length;
      if (std::memcmp(header, "PK\3\4", 4) != 0) continue;
      const auto number = [&](size_t at) {
        return size_t{header[at]} | size_t{header[at + 1]} << 8;
      };
      if (kFixed + number(26) + number(28) == length) return number(8) != 0;
    }
    throw std::runtime_error("a zip with a record that has no header");
  }

  caffe2::serialize::PyTorchStreamReader reader_;
  Bytes file_;
};

}  // namespace

WeightFile read_torch_zip(const std::filesystem::path& path,
                          const std::shared_ptr<const MappedFile>& file,
                          const ReadOptions& options) {
  ZipRecords records(path, file->bytes());
  WeightFile result;
  result.kind = records.has("skipzoo.json")    ? WeightKind::kSkipzoo
                : records.has("constants.pkl") ? WeightKind::kTorchScript
                                               : WeightKind::kTorchZip;
  PickleReader reader(records.get("data.pkl"));
  const Pickle& root = reader.read();
  const TensorBuilder build(file, options, [&](const Pickle& storage) {
    return records.get("data/" + storage.text);
  });
  if (result.kind == WeightKind::kTorchScript) {
    collect_module(root, "", 0, build, result.tensors);
  } else {
    collect_state_dict(root, build, options, result);
  }
  return result;
}

WeightFile read_torch_legacy(const std::shared_ptr<const MappedFile>& file,
                             const ReadOptions& options) {
  const Bytes bytes = file->bytes();
  PickleReader reader(bytes);
  reader.read();  // The magic number, by which the file was recognised.
  reader.read();  // The protocol, 1001 for ever.
  const Pickle& system = reader.read();
  const Pickle* little_endian = system.find("little_endian");
  if (little_endian != nullptr && little_endian->integer == 0) {
    throw std::runtime_error("written on a big-endian machine");
  }
  const Pickle& root = reader.read();
  const Pickle& keys = reader.read();

  // The storages stand in the order of their keys; only the object says of
  // which type, and so how long, each of them is. Their element sizes:
  std::map<std::string, int64_t> element_sizes;
  for (const auto* storage : reader.storages()) {
    element_sizes[storage->text] =
        static_cast<int64_t>(c10::elementSize(scalar_type(storage->dtype)));
  }
  std::map<std::string, Bytes> data;
  size_t at = reader.position();
  for (const auto* key : keys.items) {
    const auto element = element_sizes.find(key->text);
    if (bytes.size() - at < 8 || element == element_sizes.end()) {
      throw std::runtime_error("its storages end too early");
    }
    uint64_t count = 0;
    for (size_t i = 0; i < 8; ++i) count |= uint64_t{bytes[at + i]} << (8 * i);
    at += 8;
    const auto size = static_cast<uint64_t>(element->second);
    if (count > (bytes.size() - at) / size) {
      throw std::runtime_error("its storages end too early");
    }
    data[key->text] = bytes.subspan(at, count * size);
    at += count * size;
  }

  WeightFile result;
  result.kind = WeightKind::kTorchLegacy;
  const TensorBuilder build(file, options, [&](const Pickle& storage) {
    const auto found = data.find(storage.text);
    if (found == data.end()) throw std::runtime_error("lacks a storage");
    return found->second;
  });
  collect_state_dict(root, build, options, result);
  return result;
}

}  // namespace skipzoo
