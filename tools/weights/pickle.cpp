#include "tools/weights/pickle.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace skipzoo {

namespace {

/// More than any checkpoint holds; what a file of single-byte values could fill
/// memory with otherwise.
constexpr size_t kMostValues = 1'000'000;

/// The opcodes of Python's pickletools, by their names there.
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kDup = '2',
  kFloat = 'F',
  kInt = 'I',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kLong = 'L',
  kBinInt2 = 'M',
  kNone = 'N',
  kPersId = 'P',
  kBinPersId = 'Q',
  kReduce = 'R',
  kString = 'S',
  kBinString = 'T',
  kShortBinString = 'U',
  kUnicode = 'V',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kDict = 'd',
  kAppends = 'e',
  kGet = 'g',
  kBinGet = 'h',
  kInst = 'i',
  kLongBinGet = 'j',
  kList = 'l',
  kObj = 'o',
  kPut = 'p',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kBinFloat = 'G',
  kEmptyList = ']',
  kEmptyTuple = ')',
  kEmptyDict = '}',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

/// Little-endian two's complement, as LONG1 and LONG4 hold it. What does not
/// fit 64 bits (torch's magic number, for one) becomes 0: no weight depends on
/// it.
int64_t long_value(const std::string& bytes) {
  if (bytes.size() > 8) return 0;
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  const size_t bits = 8 * bytes.size();
  if (bits > 0 && bits < 64 && (value >> (bits - 1) & 1) != 0) {
    value |= ~uint64_t{0} << bits;
  }
  return static_cast<int64_t>(value);
}

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

void PickleReader::push_text(std::string text) {
  Pickle& value = make(Kind::kText);
  value.text = std::move(text);
  push(value);
}

void PickleReader::push_integer(int64_t number) {
  Pickle& value = make(Kind::kInteger);
  value.integer = number;
  push(value);
}

void PickleReader::push_tuple(Pickle::Items items) {
  Pickle& value = make(Kind::kTuple);
  value.items = std::move(items);
  push(value);
}

bool PickleReader::execute_constant(uint8_t opcode) {
  switch (opcode) {
    case kProto:
      if (byte() > 5) fail("a protocol newer than 5");
      return true;
    case kFrame:
      little_endian(8);
      return true;
    case kNone:
      push(make(Kind::kNone));
      return true;
    case kNewTrue:
    case kNewFalse: {
      Pickle& value = make(Kind::kBool);
      value.integer = opcode == kNewTrue ? 1 : 0;
      push(value);
      return true;
    }
    case kBinInt:
      push_integer(static_cast<int32_t>(little_endian(4)));
      return true;
    case kBinInt1:
      push_integer(byte());
      return true;
    case kBinInt2:
      push_integer(static_cast<int64_t>(little_endian(2)));
      return true;
    case kLong1:
      push_integer(long_value(bytes(byte())));
      return true;
    case kLong4:
      push_integer(long_value(bytes(little_endian(4))));
      return true;
    case kInt:
    case kLong: {
      const std::string text = line();
      int64_t number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      push_integer(number);
      return true;
    }
    case kBinFloat: {
      uint64_t bits = 0;
      for (int i = 0; i < 8; ++i) bits = bits << 8 | byte();
      Pickle& value = make(Kind::kNumber);
      value.number = std::bit_cast<double>(bits);
      push(value);
      return true;
    }
    case kFloat: {
      const std::string text = line();
      Pickle& value = make(Kind::kNumber);
      std::from_chars(text.data(), text.data() + text.size(), value.number);
      push(value);
      return true;
    }
    case kShortBinString:
    case kShortBinBytes:
    case kShortBinUnicode:
      push_text(bytes(byte()));
      return true;
    case kBinString:
    case kBinBytes:
    case kBinUnicode:
      push_text(bytes(little_endian(4)));
      return true;
    case kBinUnicode8:
    case kBinBytes8:
      push_text(bytes(little_endian(8)));
      return true;
    case kString:
    case kUnicode:
      push_text(line());
      return true;
    default:
      return false;
  }
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
