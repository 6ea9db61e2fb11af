// The part of the pickle reader that makes something of classes and calls: the
// few that weights need, and inert stubs for all others.

#include <algorithm>
#include <string_view>

#include "tools/weights/pickle.h"
#include "tools/weights/pickle_opcodes.h"

namespace skipzoo {

// LibTorch's unpickler keeps numbers where this one keeps names: functions and
// types of torch are places in lists, and BUILD is a call as REDUCE is. With an
// integer for a name, a file would make tensors of its own choice there that
// are none here.

void PickleReader::check_function(const Pickle& callee,
                                  const Pickle& arguments) {
  static constexpr std::string_view kKnown[] = {
      "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_qtensor",
      "collections.OrderedDict", "torch.device", "builtins.complex"};
  const std::string_view name = callee.text;
  if (name == "torch.jit._pickle.restore_type_tag") {
    if (arguments.items.size() != 2 ||
        arguments.items[1]->kind != Kind::kText) {
      fail("a type tag without its type");
    }
    types_.push_back(arguments.items[1]);
  }
  if (callee.kind == Kind::kType &&
      (name.starts_with("torch.jit._pickle.") ||
       std::find(std::begin(kKnown), std::end(kKnown), name) !=
           std::end(kKnown))) {
    return;
  }
  fail("a call that no TorchScript archive makes");
}

void PickleReader::check_class(const Pickle& value, Kind kind) const {
  const std::string_view name = value.text;
  bool is_free = value.kind == kind;
  for (const std::string_view taken :
       {"torch.", "collections.", "builtins.", "__main__."}) {
    is_free = is_free && !name.starts_with(taken);
  }
  if (!is_free) fail("an object that no TorchScript archive has");
}

bool PickleReader::execute_object(uint8_t opcode) {
  switch (opcode) {
    case kGlobal: {
      const std::string module = line();
      push(make_text(Kind::kType, module + "." + line()));
      return true;
    }
    case kStackGlobal: {
      const std::string& name = pop().text;
      const std::string& module = pop().text;
      push(make_text(Kind::kType, module + "." + name));
      return true;
    }
    case kNewObjEx:
      pop();
      [[fallthrough]];  // Named arguments.
    case kReduce:
    case kNewObj: {
      const Pickle& arguments = pop();
      const Pickle& callee = pop();
      if (is_program_ && opcode == kReduce) check_function(callee, arguments);
      if (is_program_ && opcode != kReduce) check_class(callee, Kind::kType);
      push(call(callee, arguments));
      return true;
    }
    case kInst: {
      const std::string module = line();
      const std::string name = line();
      pop_to_mark();
      push(make_text(Kind::kOpaque, module + "." + name));
      return true;
    }
    case kObj: {
      const Pickle::Items items = pop_to_mark();
      push(make_text(Kind::kOpaque, items.empty() ? "" : items.front()->text));
      return true;
    }
    case kBuild: {
      const Pickle& state = pop();
      if (is_program_) check_class(top(), Kind::kOpaque);
      if (top().kind == Kind::kOpaque) top().items = {&state};
      return true;
    }
    case kPersId: {
      const Pickle& id = make_text(Kind::kText, line());
      push(persistent(id));
      return true;
    }
    case kBinPersId: {
      const Pickle& id = pop();
      push(persistent(id));
      return true;
    }
    default:
      return false;
  }
}

Pickle& PickleReader::ordered_dict(const Pickle::Items& given) {
  Pickle& dict = make(Kind::kDict);
  if (given.empty()) return dict;
  spend(2 * given.front()->items.size() * sizeof(given[0]));
  for (const auto* pair : given.front()->items) {
    if (pair->items.size() != 2) fail("an OrderedDict not made of pairs");
    dict.items.insert(dict.items.end(), pair->items.begin(), pair->items.end());
  }
  return dict;
}

Pickle& PickleReader::call(const Pickle& callee, const Pickle& arguments) {
  const std::string& name = callee.text;
  if (callee.kind != Kind::kType || arguments.kind != Kind::kTuple) {
    return make_text(Kind::kOpaque, name);
  }
  const auto& given = arguments.items;
  if (name == "collections.OrderedDict") return ordered_dict(given);
  if (name == "collections.defaultdict") return make(Kind::kDict);
  if (name == "torch.Size" && given.size() == 1) {
    spend(given.front()->items.size() * sizeof(given[0]));
    Pickle& sizes = make(Kind::kTuple);
    sizes.items = given.front()->items;
    return sizes;
  }
  Pickle* tensor = call_tensor(name, arguments);
  return tensor != nullptr ? *tensor : make_text(Kind::kOpaque, name);
}

}  // namespace skipzoo
