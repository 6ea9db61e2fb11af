// The part of the pickle reader that makes numbers, texts and tuples.

#include <bit>
#include <charconv>

#include "tools/weights/pickle.h"
#include "tools/weights/pickle_opcodes.h"

namespace skipzoo {

namespace {

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

}  // namespace

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

}  // namespace skipzoo
