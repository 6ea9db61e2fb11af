// The part of the pickle reader that makes tensors and storages: the calls by
// which torch.save writes them (torch/_utils.py).

#include "tools/weights/pickle.h"
#include "tools/weights/pickled_tensors.h"
#include "tools/weights/types.h"

namespace skipzoo {

namespace {

/// Calls that make a tensor whose numbers are not read, and what it is.
constexpr std::pair<const char*, const char*> kUnreadable[] = {
    {"_rebuild_qtensor", "a quantized tensor"},
    {"_rebuild_sparse_tensor", "a sparse tensor"},
    {"_rebuild_sparse_csr_tensor", "a sparse tensor"},
    {"_rebuild_meta_tensor_no_storage", "a meta tensor, without numbers"},
    {"_rebuild_nested_tensor", "a nested tensor"},
    {"_rebuild_device_tensor_from_numpy", "a tensor of another device"},
    {"_rebuild_wrapper_subclass", "a tensor that wraps others"},
    {"UninitializedParameter", "a parameter without numbers yet"},
    {"UninitializedBuffer", "a buffer without numbers yet"}};

std::string last_part(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

/// A name as part of a message. No type's is longer; a hostile one's would be
/// copied for each tensor.
std::string brief(const std::string& name) { return name.substr(0, 100); }

}  // namespace

std::vector<int64_t> PickleReader::integers(const Pickle& value) {
  constexpr size_t kMostDimensions = 64;  // As many as ATen allows.
  if (value.items.size() > kMostDimensions) {
    fail("a tensor of more dimensions than there are");
  }
  spend(value.items.size() * sizeof(int64_t));
  std::vector<int64_t> numbers;
  for (const auto* item : value.items) {
    if (item->kind != Kind::kInteger || item->integer < 0) {
      fail("a tensor whose shape is no list of sizes");
    }
    numbers.push_back(item->integer);
  }
  return numbers;
}

/// Whether the metadata that end a call have a bit set: {"neg": True}.
bool PickleReader::has_bit(const Pickle::Items& given, size_t at,
                           const char* bit) {
  if (given.size() <= at) return false;
  spend(given[at]->items.size());
  const Pickle* set = given[at]->find(bit);
  return set != nullptr && set->integer != 0;
}

Pickle* PickleReader::call_tensor(const std::string& callee,
                                  const Pickle& arguments) {
  const auto& given = arguments.items;
  const auto name = last_part(callee);
  if (name == "_rebuild_tensor" || name == "_rebuild_tensor_v2" ||
      name == "_rebuild_tensor_v3" ||
      (name == "_rebuild_qtensor" && given.size() >= 4)) {
    return &rebuild_tensor(name, arguments);
  }
  // All of these hold a tensor as the first, and take it as it is.
  if (name == "_rebuild_parameter" || name == "_rebuild_parameter_with_state" ||
      name == "_rebuild_device_tensor_from_cpu_tensor") {
    if (given.empty() || !is_tensor(*given.front())) return nullptr;
    return const_cast<Pickle*>(given.front());
  }
  if (name == "_rebuild_from_type" || name == "_rebuild_from_type_v2") {
    return &rebuild_subclass(arguments);
  }
  for (const auto& [called, what] : kUnreadable) {
    if (name == called) return &make_text(Kind::kUnreadableTensor, what);
  }
  return nullptr;
}

const Pickle* PickleReader::only_tensor(const Pickle& state) {
  if (state.kind != Kind::kDict) return nullptr;
  spend(state.items.size());
  const Pickle* only = nullptr;
  for (size_t i = 1; i < state.items.size(); i += 2) {
    if (!is_tensor(*state.items[i])) continue;
    if (only != nullptr) return nullptr;
    only = state.items[i];
  }
  return only;
}

/// Arguments: function, type, the function's arguments, state. What a subclass
/// adds to the tensor that the function makes does not matter here.
Pickle& PickleReader::rebuild_subclass(const Pickle& arguments) {
  const auto& given = arguments.items;
  if (given.size() < 3) fail("a tensor subclass without its tensor");
  const auto function = last_part(given[0]->text);
  // No subclass is made of a subclass: such a file could nest without end.
  const bool is_plain =
      given[0]->kind == Kind::kType && !function.starts_with("_rebuild_from");
  Pickle* tensor = is_plain ? call_tensor(function, *given[2]) : nullptr;
  if (tensor == nullptr) {
    return make_text(Kind::kUnreadableTensor,
                     "a tensor of class " + brief(given[1]->text));
  }
  if (tensor->kind == Kind::kTensor || given.size() < 4) return *tensor;
  // One that wraps others may hold just the one that it looks like. Arguments
  // of _rebuild_wrapper_subclass: class, type, sizes, …
  const Pickle* held = only_tensor(*given[3]);
  if (held != nullptr && held->kind == Kind::kTensor &&
      given[2]->items.size() > 2 && given[1]->kind == Kind::kType &&
      held->layout->sizes == integers(*given[2]->items[2]) &&
      find_type(given[2]->items[1]->text) == held->layout->type) {
    return const_cast<Pickle&>(*held);
  }
  return *tensor;
}

/// Arguments: storage, offset, sizes, strides, …; then, where negating or
/// conjugating was put off, the metadata that say so. v3 has its type before
/// these; a quantized one its scale, without which its numbers mean nothing.
Pickle& PickleReader::rebuild_tensor(const std::string& name,
                                     const Pickle& arguments) {
  const auto& given = arguments.items;
  if (given.size() < 4 || given[0]->kind != Kind::kStorage ||
      given[1]->kind != Kind::kInteger || given[1]->integer < 0) {
    fail("a tensor that is not made of a storage, an offset and a shape");
  }
  const bool has_type = name.ends_with("_v3");
  if (has_type && given.size() < 7) fail("a tensor without its type");
  const size_t metadata = has_type ? 7 : 6;
  auto layout = std::make_shared<Pickle::Layout>();
  layout->type_name = has_type ? given[6]->text : given[0]->layout->type_name;
  layout->type = find_type(layout->type_name);
  layout->sizes = integers(*given[2]);
  layout->strides = integers(*given[3]);
  layout->negative = has_bit(given, metadata, "neg");
  layout->conjugate = has_bit(given, metadata, "conj");
  if (layout->sizes.size() != layout->strides.size()) {
    fail("a tensor with sizes and strides of other lengths");
  }
  spend(sizeof(*layout) + layout->type_name.size());
  const bool is_quantized = name == "_rebuild_qtensor";
  const bool is_read =
      !is_quantized && layout->type && is_readable(*layout->type);
  const auto why = is_quantized
                       ? "a quantized tensor"
                       : "of type " + brief(last_part(layout->type_name));
  Pickle& tensor =
      is_read ? make(Kind::kTensor) : make_text(Kind::kUnreadableTensor, why);
  tensor.layout = std::move(layout);
  tensor.items = {given[0]};
  tensor.integer = given[1]->integer;
  tensors_.push_back(&tensor);
  return tensor;
}

/// A persistent id: ("storage", type, key, device, number of elements, …).
Pickle& PickleReader::persistent(const Pickle& id) {
  const auto& given = id.items;
  if (id.kind == Kind::kText && named_.contains(id.text)) {
    return *named_[id.text];
  }
  if (given.size() < 5 || given[0]->text != "storage") {
    return make_text(Kind::kOpaque, "persistent object");
  }
  if (given[1]->kind != Kind::kType || given[2]->kind != Kind::kText ||
      given[4]->kind != Kind::kInteger || given[4]->integer < 0) {
    fail("a storage that is not named by type, key and length");
  }
  Pickle& value = make_text(Kind::kStorage, given[2]->text);
  auto layout = std::make_shared<Pickle::Layout>();
  layout->type_name = given[1]->text;
  layout->type = find_type(layout->type_name);
  layout->length = given[4]->integer;
  spend(sizeof(*layout) + layout->type_name.size());
  value.layout = std::move(layout);
  storages_.push_back(&value);
  // Before 0.4, a part of a storage: (key, offset, length).
  if (given.size() > 5 && given[5]->items.size() == 3) {
    const auto& part = given[5]->items;
    if (part[1]->kind != Kind::kInteger || part[1]->integer < 0) {
      fail("a part of a storage without an offset");
    }
    value.integer = part[1]->integer;
  }
  return value;
}

}  // namespace skipzoo
