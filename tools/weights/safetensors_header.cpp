#include "tools/weights/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <unordered_set>

#include "tools/checked.h"
#include "tools/weights/types.h"

namespace skipzoo {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("its header is damaged: " + what);
}

/// Takes the header as it is parsed, once over. A tree of it, searched by name,
/// takes time that grows with the square of the tensors' number.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<SafetensorsEntry> entries;

  bool start_object(size_t) override {
    if (at_ == At::kStart) return enter(At::kTensors);
    if (at_ == At::kTensors) {
      return enter(key_ == "__metadata__" ? At::kMetadata : At::kEntry);
    }
    return skip(1, "an object");
  }
  bool end_object() override {
    if (at_ == At::kSkipped) return skip(-1, "");
    if (at_ == At::kEntry) {
      finish();
      return enter(At::kTensors);
    }
    if (at_ == At::kMetadata) return enter(At::kTensors);
    return enter(At::kEnd);
  }
  bool start_array(size_t) override {
    if (at_ == At::kEntry && (key_ == "shape" || key_ == "data_offsets")) {
      return enter(key_ == "shape" ? At::kShape : At::kOffsets);
    }
    return skip(1, "an array");
  }
  bool end_array() override {
    if (at_ == At::kSkipped) return skip(-1, "");
    return enter(At::kEntry);
  }
  bool key(std::string& text) override {
    key_ = text;
    if (at_ == At::kTensors) {
      if (!names_.insert(text).second) fail("it names " + text + " twice");
      name_ = text;
    }
    if (at_ == At::kEntry &&
        (text == "dtype" || text == "shape" || text == "data_offsets") &&
        !keys_.insert(text).second) {
      fail(name_ + " has two of " + text);
    }
    return true;
  }
  bool string(std::string& text) override {
    if (at_ == At::kMetadata || at_ == At::kSkipped) return true;
    if (at_ != At::kEntry || key_ == "shape" || key_ == "data_offsets") {
      fail_at("a text");
    }
    if (key_ == "dtype") entries.back().type_name = text;
    return true;
  }
  bool number_unsigned(number_unsigned_t number) override {
    if (at_ == At::kShape) {
      if (number > INT64_MAX) fail(name_ + " has a size that exceeds 63 bits");
      if (entries.back().shape.size() == 64) {
        fail(name_ + " has more dimensions than there are");
      }
      entries.back().shape.push_back(static_cast<int64_t>(number));
      return true;
    }
    if (at_ == At::kOffsets) {
      offsets_.push_back(number);
      if (offsets_.size() > 2) fail(name_ + " has more than two offsets");
      return true;
    }
    return other("a number");
  }
  bool null() override {
    // Its own reader takes metadata that are not there.
    return (at_ == At::kTensors && key_ == "__metadata__") || other("null");
  }
  bool boolean(bool) override { return other("true or false"); }
  bool number_integer(number_integer_t) override {
    return other("a number below zero");
  }
  bool number_float(number_float_t, const std::string&) override {
    return other("a number with a fraction");
  }
  bool binary(binary_t&) override { return other("bytes"); }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    fail("no JSON from byte " + std::to_string(position) + " on");
  }

 private:
  enum class At {
    kStart,
    kTensors,
    kMetadata,
    kEntry,
    kShape,
    kOffsets,
    kSkipped,  ///< The value of an unknown key in an entry.
    kEnd
  };

  bool enter(At at) {
    if (at == At::kEntry && at_ == At::kTensors) {
      entries.emplace_back().name = name_;
      keys_.clear();
      offsets_.clear();
    }
    at_ = at;
    return true;
  }
  [[noreturn]] void fail_at(const std::string& what) const {
    const char* where = at_ == At::kShape     ? " in the shape of "
                        : at_ == At::kOffsets ? " in the offsets of "
                        : at_ == At::kStart   ? " where an object should be"
                                              : " at ";
    fail(what + where + (at_ == At::kStart ? "" : name_));
  }
  /// A value that is of no use: allowed under an unknown key of an entry.
  bool other(const std::string& what) {
    const bool known =
        key_ == "dtype" || key_ == "shape" || key_ == "data_offsets";
    if (at_ == At::kSkipped || (at_ == At::kEntry && !known)) return true;
    fail_at(what);
  }
  bool skip(int deeper, const std::string& what) {
    if (at_ != At::kSkipped) {
      other(what);
      skipped_ = 0;
    }
    skipped_ += deeper;
    if (skipped_ > 100) fail("it is nested too deeply");
    at_ = skipped_ == 0 ? At::kEntry : At::kSkipped;
    return true;
  }
  void finish() {
    if (keys_.size() != 3 || offsets_.size() != 2) {
      fail(name_ + " lacks its dtype, shape or data_offsets");
    }
    entries.back().begin = offsets_[0];
    entries.back().end = offsets_[1];
    entries.back().type = find_type(entries.back().type_name);
    if (safetensors_name(entries.back().type.value_or(
            c10::ScalarType::Undefined)) != entries.back().type_name) {
      entries.back().type = std::nullopt;
    }
  }

  At at_ = At::kStart;
  int skipped_ = 0;
  std::string name_;
  std::string key_;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> keys_;
  std::vector<uint64_t> offsets_;
};

/// Of types that fill less than a byte, and are known by name alone.
uint64_t bits_of(const SafetensorsEntry& entry) {
  if (entry.type) return 8 * uint64_t{c10::elementSize(*entry.type)};
  if (entry.type_name == "F4") return 4;
  if (entry.type_name == "F6_E2M3" || entry.type_name == "F6_E3M2") return 6;
  throw std::runtime_error(entry.name + ": a tensor of type '" +
                           entry.type_name + "', which safetensors has not");
}

void check_sizes(const SafetensorsEntry& entry) {
  uint64_t count = 1;
  for (const int64_t size : entry.shape) {
    count = checked_multiply(count, static_cast<uint64_t>(size));
  }
  const uint64_t bits = checked_multiply(count, bits_of(entry));
  if (entry.begin > entry.end || bits % 8 != 0 ||
      bits / 8 != entry.end - entry.begin) {
    throw std::runtime_error(entry.name +
                             ": a shape that does not fit its offsets");
  }
}

}  // namespace

std::vector<SafetensorsEntry> read_safetensors_header(
    std::span<const uint8_t> text, uint64_t data) {
  HeaderReader reader;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &reader)) {
    fail("no JSON");
  }
  std::vector<const SafetensorsEntry*> in_order;
  for (const auto& entry : reader.entries) {
    check_sizes(entry);
    in_order.push_back(&entry);
  }
  std::stable_sort(
      in_order.begin(), in_order.end(), [](const auto* a, const auto* b) {
        return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
      });
  uint64_t end = 0;
  for (const auto* entry : in_order) {
    if (entry->begin < end) {
      throw std::runtime_error(entry->name + ": tensors that overlap");
    }
    if (entry->begin > end) {
      throw std::runtime_error("a gap before the data of " + entry->name +
                               ", which the format does not allow");
    }
    end = entry->end;
    if (end > data) {
      throw std::runtime_error(
          entry->name +
          ": offsets that reach beyond the file; was the download cut short?");
    }
  }
  if (end != data) {
    throw std::runtime_error(std::to_string(data - end) +
                             " bytes behind the last tensor, which the format "
                             "does not allow");
  }
  return std::move(reader.entries);
}

}  // namespace skipzoo
