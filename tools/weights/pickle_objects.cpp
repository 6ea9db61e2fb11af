// The part of the pickle reader that makes something of classes and calls: the
// few that weights need, and inert stubs for all others.

#include "tools/weights/pickle.h"
#include "tools/weights/pickle_opcodes.h"

namespace skipzoo {

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
