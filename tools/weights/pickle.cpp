#include "tools/weights/pickle.h"

#include <charconv>
#include <stdexcept>

#include "tools/weights/pickle_opcodes.h"

namespace skipzoo {

namespace {

/// More than any checkpoint holds; what a file of single-byte values could fill
/// memory with otherwise.
constexpr size_t kMostValues = 1'000'000;

}  // namespace

const Pickle* Pickle::find(const std::string& key) const {
  if (kind != Kind::kDict) return nullptr;
  const Pickle* found = nullptr;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    // As in Python, the last of equal keys counts.
    if (items[i]->kind == Kind::kText && items[i]->text == key) {
      found = items[i + 1];
    }
  }
  return found;
}

void PickleReader::fail(const std::string& what) const {
  throw std::runtime_error("not a readable pickle: " + what + ", at byte " +
                           std::to_string(at_));
}

uint8_t PickleReader::byte() {
  if (at_ >= bytes_.size()) fail("it ends too early");
  return bytes_[at_++];
}

uint64_t PickleReader::little_endian(size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{byte()} << (8 * i);
  return value;
}

std::string PickleReader::bytes(uint64_t size) {
  if (size > bytes_.size() - at_) fail("it ends too early");
  const auto* first = reinterpret_cast<const char*>(bytes_.data()) + at_;
  at_ += size;
  return {first, static_cast<size_t>(size)};
}

std::string PickleReader::line() {
  std::string text;
  for (char c; (c = static_cast<char>(byte())) != '\n';) text += c;
  return text;
}

Pickle& PickleReader::make(Kind kind) {
  if (values_.size() >= kMostValues) fail("more values than any checkpoint");
  values_.emplace_back().kind = kind;
  return values_.back();
}

Pickle& PickleReader::top() {
  const size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) fail("a value is missing");
  return *stack_.back();
}

Pickle& PickleReader::pop() {
  Pickle& value = top();
  stack_.pop_back();
  return value;
}

Pickle::Items PickleReader::pop_to_mark() {
  if (marks_.empty()) fail("a mark is missing");
  const auto first = stack_.begin() + static_cast<int64_t>(marks_.back());
  Pickle::Items items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

const Pickle& PickleReader::read() {
  stack_.clear();
  marks_.clear();
  memo_.clear();
  for (;;) {
    const uint8_t opcode = byte();
    if (opcode == kStop) return pop();
    if (!execute(opcode)) {
      fail("opcode " + std::to_string(opcode) + " is not one of a checkpoint");
    }
  }
}

bool PickleReader::execute(uint8_t opcode) {
  return execute_constant(opcode) || execute_container(opcode) ||
         execute_memo(opcode) || execute_object(opcode);
}

void PickleReader::spend(size_t items) {
  copied_ += items;
  if (copied_ > kMostValues) fail("more values than any checkpoint");
}

void PickleReader::set_items(Pickle::Items pairs) {
  Pickle& dict = top();
  if (pairs.size() % 2 != 0) fail("a key without its value");
  // Other objects may have items too; they stay inert.
  if (dict.kind != Kind::kDict) return;
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
      Pickle::Items items = pop_to_mark();
      Pickle& list = make(Kind::kList);
      list.items = std::move(items);
      push(list);
      return true;
    }
    case kAppend: {
      const Pickle& item = pop();
      if (top().kind == Kind::kList) top().items.push_back(&item);
      return true;
    }
    case kAppends:
    case kAddItems: {
      const Pickle::Items items = pop_to_mark();
      auto& list = top();
      if (list.kind == Kind::kList) {
        list.items.insert(list.items.end(), items.begin(), items.end());
      }
      return true;
    }
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

void PickleReader::store(uint64_t index) { memo_[index] = &top(); }

void PickleReader::load(uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) fail("it refers to what was never stored");
  push(*found->second);
}

bool PickleReader::execute_memo(uint8_t opcode) {
  const auto written_index = [this] {
    const std::string text = line();
    uint64_t index = 0;
    std::from_chars(text.data(), text.data() + text.size(), index);
    return index;
  };
  switch (opcode) {
    case kBinPut:
      store(byte());
      return true;
    case kLongBinPut:
      store(little_endian(4));
      return true;
    case kPut:
      store(written_index());
      return true;
    case kMemoize:
      store(memo_.size());
      return true;
    case kBinGet:
      load(byte());
      return true;
    case kLongBinGet:
      load(little_endian(4));
      return true;
    case kGet:
      load(written_index());
      return true;
    default:
      return false;
  }
}

}  // namespace skipzoo
