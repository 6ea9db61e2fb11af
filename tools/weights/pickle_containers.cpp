// The part of the pickle reader that makes tuples, lists and dicts, and keeps
// the stack.

#include "tools/weights/pickle.h"
#include "tools/weights/pickle_opcodes.h"

namespace skipzoo {

namespace {

/// Objects of classes derived from list or dict are given items as these are:
/// to the reader they are such a list or dict.
void take_for(Pickle::Kind kind, Pickle& value) {
  if (value.kind != Pickle::Kind::kOpaque || !value.items.empty()) return;
  value.kind = kind;
  value.text.clear();
}

}  // namespace

void PickleReader::push_tuple(Pickle::Items items) {
  if (items.empty()) return push_once(empty_tuple_, Kind::kTuple);
  spend(items.size() * sizeof(items[0]));
  Pickle& value = make(Kind::kTuple);
  value.items = std::move(items);
  push(value);
}

void PickleReader::append(std::span<const Pickle* const> items) {
  Pickle& list = top();
  if (!items.empty()) take_for(Kind::kList, list);
  if (list.kind != Kind::kList) return;
  spend(items.size() * sizeof(items[0]));
  list.items.insert(list.items.end(), items.begin(), items.end());
}

void PickleReader::set_items(Pickle::Items pairs) {
  Pickle& dict = top();
  if (pairs.size() % 2 != 0) fail("a key without its value");
  if (!pairs.empty()) take_for(Kind::kDict, dict);
  if (dict.kind != Kind::kDict) return;
  spend(pairs.size() * sizeof(pairs[0]));
  dict.items.insert(dict.items.end(), pairs.begin(), pairs.end());
}

bool PickleReader::execute_container(uint8_t opcode) {
  switch (opcode) {
    case kMark:
      marks_.push_back(stack_.size());
      return true;
    case kPopMark:
      pop_to_mark();
      return true;
    case kPop:
      // A mark may be what lies on top.
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        if (is_program_) fail("a mark is popped as a value");
        marks_.pop_back();
      } else {
        pop();
      }
      return true;
    case kDup:
      push(top());
      return true;
    case kEmptyTuple:
      push_tuple({});
      return true;
    case kTuple:
      push_tuple(pop_to_mark());
      return true;
    case kTuple1:
    case kTuple2:
    case kTuple3: {
      Pickle::Items items(opcode - kTuple1 + 1u);
      for (auto at = items.rbegin(); at != items.rend(); ++at) *at = &pop();
      push_tuple(std::move(items));
      return true;
    }
    case kEmptyList:
    case kEmptySet:
      push(make(Kind::kList));
      return true;
    case kList:
    case kFrozenSet: {
      const Pickle::Items items = pop_to_mark();
      push(make(Kind::kList));
      append(items);
      return true;
    }
    case kAppend: {
      const Pickle* item = &pop();
      append({&item, 1});
      return true;
    }
    case kAppends:
    case kAddItems:
      append(pop_to_mark());
      return true;
    case kEmptyDict:
      push(make(Kind::kDict));
      return true;
    case kDict: {
      Pickle::Items pairs = pop_to_mark();
      push(make(Kind::kDict));
      set_items(std::move(pairs));
      return true;
    }
    case kSetItem: {
      const Pickle& value = pop();
      const Pickle& key = pop();
      set_items({&key, &value});
      return true;
    }
    case kSetItems:
      set_items(pop_to_mark());
      return true;
    default:
      return false;
  }
}

}  // namespace skipzoo
