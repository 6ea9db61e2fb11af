// The part of the pickle reader that makes something of classes and calls: the
// few that weights need, and inert stubs for all others.

#include <stdexcept>

#include "tools/weights/pickle.h"
#include "tools/weights/pickle_opcodes.h"

namespace skipzoo {

namespace {

std::vector<int64_t> integers(const Pickle& value) {
  constexpr size_t kMostDimensions = 64;  // As many as ATen allows.
  if (value.items.size() > kMostDimensions) {
    throw std::runtime_error("a tensor of more dimensions than there are");
  }
  std::vector<int64_t> numbers;
  for (const auto* item : value.items) {
    if (item->kind != Pickle::Kind::kInteger || item->integer < 0) {
      throw std::runtime_error("a tensor whose shape is no list of sizes");
    }
    numbers.push_back(item->integer);
  }
  return numbers;
}

}  // namespace

bool PickleReader::execute_object(uint8_t opcode) {
  switch (opcode) {
    case kGlobal: {
      const std::string module = line();
      Pickle& type = make(Kind::kType);
      type.text = module + "." + line();
      push(type);
      return true;
    }
    case kStackGlobal: {
      const std::string name = pop().text;
      const std::string module = pop().text;
      Pickle& type = make(Kind::kType);
      type.text = module + "." + name;
      push(type);
      return true;
    }
    case kNewObjEx:
      pop();
      [[fallthrough]];  // Named arguments.
    case kReduce:
    case kNewObj: {
      const Pickle& arguments = pop();
      const Pickle& callee = pop();
      push(call(callee, arguments));
      return true;
    }
    case kInst: {
      line();
      const std::string name = line();
      pop_to_mark();
      Pickle& object = make(Kind::kOpaque);
      object.text = name;
      push(object);
      return true;
    }
    case kObj: {
      const Pickle::Items items = pop_to_mark();
      Pickle& object = make(Kind::kOpaque);
      if (!items.empty()) object.text = items.front()->text;
      push(object);
      return true;
    }
    case kBuild: {
      const Pickle& state = pop();
      if (top().kind == Kind::kOpaque) top().items = {&state};
      return true;
    }
    case kBinPersId: {
      const Pickle& id = pop();
      push(storage(id));
      return true;
    }
    default:
      return false;
  }
}

Pickle& PickleReader::call(const Pickle& callee, const Pickle& arguments) {
  const std::string& name = callee.text;
  if (callee.kind == Kind::kType && arguments.kind == Kind::kTuple) {
    const auto& given = arguments.items;
    if (name == "collections.OrderedDict") {
      Pickle& dict = make(Kind::kDict);
      if (given.empty()) return dict;
      spend(2 * given.front()->items.size());
      for (const auto* pair : given.front()->items) {
        if (pair->items.size() != 2) fail("an OrderedDict not made of pairs");
        dict.items.insert(dict.items.end(), pair->items.begin(),
                          pair->items.end());
      }
      return dict;
    }
    if (name == "torch._utils._rebuild_tensor" ||
        name == "torch._utils._rebuild_tensor_v2" ||
        name == "torch._utils._rebuild_tensor_v3") {
      return rebuild_tensor(name, arguments);
    }
    if ((name == "torch._utils._rebuild_parameter" ||
         name == "torch._utils._rebuild_parameter_with_state") &&
        !given.empty() && given.front()->kind == Kind::kTensor) {
      return const_cast<Pickle&>(*given.front());
    }
    if (name == "torch.Size" && given.size() == 1) {
      spend(given.front()->items.size());
      Pickle& sizes = make(Kind::kTuple);
      sizes.items = given.front()->items;
      return sizes;
    }
  }
  Pickle& object = make(Kind::kOpaque);
  object.text = name;
  return object;
}

/// Arguments: storage, offset, sizes, strides, …; v3 has its type as seventh.
Pickle& PickleReader::rebuild_tensor(const std::string& name,
                                     const Pickle& arguments) {
  const auto& given = arguments.items;
  if (given.size() < 4 || given[0]->kind != Kind::kStorage ||
      given[1]->kind != Kind::kInteger || given[1]->integer < 0) {
    fail("a tensor that is not made of a storage, an offset and a shape");
  }
  Pickle& tensor = make(Kind::kTensor);
  tensor.items = {given[0]};
  tensor.integer = given[1]->integer;
  tensor.sizes = integers(*given[2]);
  tensor.strides = integers(*given[3]);
  tensor.dtype = given[0]->dtype;
  if (name.ends_with("_v3")) {
    if (given.size() < 7) fail("a tensor without its type");
    tensor.dtype = given[6]->text;
  }
  if (tensor.sizes.size() != tensor.strides.size()) {
    fail("a tensor with sizes and strides of other lengths");
  }
  return tensor;
}

/// A persistent id: ("storage", type, key, device, number of elements, …).
Pickle& PickleReader::storage(const Pickle& id) {
  const auto& given = id.items;
  if (given.size() < 5 || given[0]->text != "storage") {
    Pickle& object = make(Kind::kOpaque);
    object.text = "persistent object";
    return object;
  }
  if (given[1]->kind != Kind::kType || given[2]->kind != Kind::kText ||
      given[4]->kind != Kind::kInteger || given[4]->integer < 0) {
    fail("a storage that is not named by type, key and length");
  }
  Pickle& value = make(Kind::kStorage);
  value.dtype = given[1]->text;
  value.text = given[2]->text;
  value.length = given[4]->integer;
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
