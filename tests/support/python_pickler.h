#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "tests/support/zip.h"

namespace skipzoo {

/// Writes a pickle opcode by opcode as Python's own pickler does, in one of the
/// protocols 3 to 5: in frames from 4 on, and what comes a second time is
/// fetched from the memo.
class PythonPickler {
 public:
  explicit PythonPickler(int protocol) : protocol_(protocol) {}
  int protocol() const { return protocol_; }

  void put(std::string_view opcodes) { frame_ += opcodes; }
  /// Keeps what was just made.
  void memoize() {
    if (protocol_ >= 4) {
      put("\x94");
    } else if (memos_ < 256) {
      put("q" + little_endian(memos_, 1));
    } else {
      put("r" + little_endian(memos_, 4));
    }
    ++memos_;
  }
  void text(const std::string& value) {
    if (fetched("text " + value)) return;
    const bool is_short = protocol_ >= 4 && value.size() < 256;
    put((is_short ? "\x8c" : "X") +
        little_endian(value.size(), is_short ? 1 : 4) + value);
    keep("text " + value);
  }
  void bytes(const std::string& value) {
    const bool is_short = value.size() < 256;
    put((is_short ? "C" : "B") + little_endian(value.size(), is_short ? 1 : 4) +
        value);
    memoize();
  }
  void byte_array(const std::string& value) {
    if (protocol_ >= 5) {
      put("\x96" + little_endian(value.size()) + value);
    } else {
      type("builtins", "bytearray");
      bytes(value);
      put("\x85");
      memoize();
      put("R");
    }
    memoize();
  }
  void type(const std::string& module, const std::string& name) {
    const auto whole = "type " + module + "." + name;
    if (fetched(whole)) return;
    if (protocol_ >= 4) {
      text(module);
      text(name);
      put("\x93");
    } else {
      put("c" + module + "\n" + name + "\n");
    }
    keep(whole);
  }
  void integer(int64_t value) {
    const auto number = static_cast<uint64_t>(value);
    if (number < 1 << 8) {
      put("K" + little_endian(number, 1));
    } else if (number < 1 << 16) {
      put("M" + little_endian(number, 2));
    } else if (value == static_cast<int32_t>(value)) {
      put("J" + little_endian(number, 4));
    } else {
      put("\x8a\x08" + little_endian(number));
    }
  }

  /// Ends a frame; `value` stands between it and the next, as what is long.
  void put_unframed(const std::string& value) {
    end_frame();
    done_ += value;
  }
  std::string whole() {
    put(".");
    end_frame();
    return "\x80" + little_endian(static_cast<uint64_t>(protocol_), 1) + done_;
  }

 private:
  bool fetched(const std::string& value) {
    const auto found = places_.find(value);
    if (found == places_.end()) return false;
    put("h" + little_endian(found->second, 1));
    return true;
  }
  void keep(const std::string& value) {
    places_[value] = memos_;
    memoize();
  }
  void end_frame() {
    if (protocol_ >= 4) done_ += "\x95" + little_endian(frame_.size());
    done_ += frame_;
    frame_.clear();
  }

  int protocol_;
  uint64_t memos_ = 0;
  std::map<std::string, uint64_t> places_;
  std::string frame_;
  std::string done_;
};

}  // namespace skipzoo
