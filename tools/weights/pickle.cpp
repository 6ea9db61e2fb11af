#include "tools/weights/pickle.h"

#include <charconv>
#include <stdexcept>

#include "tools/weights/pickle_opcodes.h"

namespace skipzoo {

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
                           std::to_string(in_.position()));
}

uint8_t PickleReader::byte() {
  if (in_.left() == 0) fail("it ends too early");
  return in_.byte();
}

std::string PickleReader::line() {
  constexpr size_t kLongest = size_t{1} << 20;
  std::string text;
  for (char c; (c = static_cast<char>(byte())) != '\n';) {
    if (text.size() == kLongest) fail("a line without end");
    text += c;
  }
  return text;
}

void PickleReader::spend(size_t bytes) {
  // A list of numbers, the most that checkpoints have beside their weights,
  // takes 12 times its bytes; lists of tuples take 25 times.
  constexpr uint64_t kFree = uint64_t{64} << 20, kTimes = 40;
  spent_ += bytes;
  if (spent_ > kFree + kTimes * in_.position()) {
    fail("it makes far more of its bytes than any checkpoint");
  }
}

Pickle& PickleReader::make(Kind kind) {
  spend(sizeof(Pickle));
  values_.emplace_back().kind = kind;
  return values_.back();
}

Pickle& PickleReader::make_text(Kind kind, std::string text) {
  spend(text.size());
  Pickle& value = make(kind);
  value.text = std::move(text);
  return value;
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
  spend(items.size() * sizeof(items[0]));
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

const Pickle& PickleReader::read() {
  stack_.clear();
  marks_.clear();
  memo_.clear();
  memo_count_ = 0;
  begin_ = in_.position();
  for (;;) {
    const uint8_t opcode = byte();
    if (opcode == kStop) return pop();
    execute(opcode);
  }
}

void PickleReader::execute(uint8_t opcode) {
  if (execute_constant(opcode) || execute_text(opcode) ||
      execute_container(opcode) || execute_memo(opcode) ||
      execute_object(opcode)) {
    return;
  }
  fail("opcode " + std::to_string(opcode) + " is not one of a checkpoint");
}

void PickleReader::store(uint64_t index) {
  // Python counts what it stores, so that no index is above the bytes read.
  if (index > in_.position() - begin_) fail("a memo of an absurd number");
  if (index >= memo_.size()) memo_.resize(static_cast<size_t>(index) + 1);
  Pickle*& place = memo_[static_cast<size_t>(index)];
  if (place == nullptr) ++memo_count_;
  place = &top();
}

void PickleReader::load(uint64_t index) {
  if (index >= memo_.size() || memo_[static_cast<size_t>(index)] == nullptr) {
    fail("it refers to what was never stored");
  }
  push(*memo_[static_cast<size_t>(index)]);
}

bool PickleReader::execute_memo(uint8_t opcode) {
  const auto written_index = [this] {
    const std::string text = line();
    uint64_t index = 0;
    const auto end = text.data() + text.size();
    if (std::from_chars(text.data(), end, index).ec != std::errc()) {
      fail("a place in the memo that is no number");
    }
    return index;
  };
  switch (opcode) {
    case kBinPut:
      store(byte());
      return true;
    case kLongBinPut:
      store(in_.number(4));
      return true;
    case kPut:
      store(written_index());
      return true;
    case kMemoize:
      store(memo_count_);
      return true;
    case kBinGet:
      load(byte());
      return true;
    case kLongBinGet:
      load(in_.number(4));
      return true;
    case kGet:
      load(written_index());
      return true;
    default:
      return false;
  }
}

}  // namespace skipzoo
