// The part of the pickle reader that makes numbers and texts.

#include <bit>
#include <charconv>
#include <limits>

#include "tools/weights/pickle.h"
#include "tools/weights/pickle_opcodes.h"

namespace skipzoo {

namespace {

/// Longer texts are data (arrays, pictures), not names: they are passed over.
constexpr uint64_t kLongestText = uint64_t{1} << 20;

/// Little-endian two's complement, as LONG1 and LONG4 hold it; nothing where it
/// does not fit 64 bits, as torch's magic number.
std::optional<int64_t> long_value(const std::string& bytes) {
  if (bytes.size() > 8) return std::nullopt;
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

/// What stands in the quotes of a Python 2 text.
std::string unquoted(const std::string& text) {
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '\'' || text.front() == '"');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

void PickleReader::push_once(Pickle*& value, Kind kind) {
  if (value == nullptr) value = &make(kind);
  push(*value);
}

void PickleReader::push_integer(std::optional<int64_t> given) {
  // No size and no offset: a number that is none of an integer's kind.
  if (!given) return push_number(std::numeric_limits<double>::infinity());
  const int64_t number = *given;
  constexpr int64_t kSmall = 1 << 16;
  Pickle** known = nullptr;
  if (number >= 0 && number < kSmall) {
    const auto index = static_cast<size_t>(number);
    if (index >= small_integers_.size()) small_integers_.resize(index + 1);
    known = &small_integers_[index];
    if (*known != nullptr) return push(**known);
  }
  Pickle& value = make(Kind::kInteger);
  value.integer = number;
  if (known != nullptr) *known = &value;
  push(value);
}

/// As decimal digits; 00 and 01 are how protocol 0 writes False and True.
void PickleReader::push_written_integer() {
  const std::string text = line();
  if (text == "00" || text == "01") {
    push_once(text == "01" ? true_ : false_, Kind::kBool);
    top().integer = text == "01" ? 1 : 0;
    return;
  }
  int64_t number = 0;
  const auto end = text.data() + text.size();
  const auto error = std::from_chars(text.data(), end, number).ec;
  if (error == std::errc::invalid_argument) fail("an integer without digits");
  push_integer(error == std::errc() ? std::optional(number) : std::nullopt);
}

void PickleReader::push_number(double number) {
  Pickle& value = make(Kind::kNumber);
  value.number = number;
  push(value);
}

void PickleReader::push_text(uint64_t size) {
  if (size > in_.left()) fail("it ends too early");
  if (size <= kLongestText) {
    return push(make_text(Kind::kText, in_.text(size)));
  }
  in_.skip(size);
  push(
      make_text(Kind::kOpaque, "a text of " + std::to_string(size) + " bytes"));
}

bool PickleReader::execute_constant(uint8_t opcode) {
  switch (opcode) {
    case kProto:
      if (byte() > 5) fail("a protocol newer than 5");
      return true;
    case kFrame:
      if (in_.left() < 8) fail("it ends too early");
      in_.skip(8);
      return true;
    case kNone:
      push_once(none_, Kind::kNone);
      return true;
    case kNewTrue:
    case kNewFalse:
      push_once(opcode == kNewTrue ? true_ : false_, Kind::kBool);
      top().integer = opcode == kNewTrue ? 1 : 0;
      return true;
    case kBinInt:
      push_integer(static_cast<int32_t>(in_.number(4)));
      return true;
    case kBinInt1:
      push_integer(byte());
      return true;
    case kBinInt2:
      push_integer(static_cast<int64_t>(in_.number(2)));
      return true;
    case kLong1:
      push_integer(long_value(in_.text(byte())));
      return true;
    case kLong4: {
      const uint64_t size = in_.number(4);
      if (size > 8) in_.skip(size);
      push_integer(size > 8 ? std::nullopt : long_value(in_.text(size)));
      return true;
    }
    case kInt:
    case kLong:
      push_written_integer();
      return true;
    case kBinFloat: {
      uint64_t bits = 0;
      for (int i = 0; i < 8; ++i) bits = bits << 8 | byte();
      push_number(std::bit_cast<double>(bits));
      return true;
    }
    case kFloat: {
      const std::string text = line();
      double number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      push_number(number);
      return true;
    }
    default:
      return false;
  }
}

bool PickleReader::execute_text(uint8_t opcode) {
  switch (opcode) {
    case kShortBinString:
    case kShortBinBytes:
    case kShortBinUnicode:
      push_text(byte());
      return true;
    case kBinString:
    case kBinBytes:
    case kBinUnicode:
      push_text(in_.number(4));
      return true;
    case kBinUnicode8:
    case kBinBytes8:
    case kByteArray8:
      push_text(in_.number(8));
      return true;
    case kString:
      push(make_text(Kind::kText, unquoted(line())));
      return true;
    case kUnicode:
      push(make_text(Kind::kText, line()));
      return true;
    case kNextBuffer:
      push(make_text(Kind::kOpaque, "a buffer outside of the file"));
      return true;
    case kReadonlyBuffer:
      top();  // As it is.
      return true;
    default:
      return false;
  }
}

}  // namespace skipzoo
