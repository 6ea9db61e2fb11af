#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/zip.h"

namespace skipzoo::pickled {

// Parts of a pickle, protocol 2, as text to be put together.

inline std::string text(const std::string& value) {
  return "X" + little_endian(value.size(), 4) + value;
}
inline std::string integer(int64_t value) {
  return std::string("\x8a\x08", 2) +
         little_endian(static_cast<uint64_t>(value));
}
inline std::string type(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::string>& items) {
  std::string all = "(";
  for (const auto& item : items) all += item;
  return all + "t";
}
inline std::string integers(const std::vector<int64_t>& values) {
  std::vector<std::string> items;
  for (const auto value : values) items.push_back(integer(value));
  return tuple(items);
}
inline std::string call(const std::string& callee, const std::string& tuple) {
  return callee + tuple + "R";
}
/// Keys and values in turn.
inline std::string dict(const std::vector<std::string>& items) {
  std::string all = "}(";
  for (const auto& item : items) all += item;
  return all + "u";
}
inline std::string whole(const std::string& value) {
  return "\x80\x02" + value + ".";
}

/// A TorchScript module, of a dict of attributes.
inline std::string module(const std::string& state) {
  return type("__torch__", "M") + ")\x81" + state + "b";
}
/// 90 of them, each twice in the next: 2^90 paths in 4 kB.
inline std::string shared_modules() {
  std::string all = module("}") + "r" + little_endian(0, 4);
  for (uint64_t i = 1; i < 90; ++i) {
    const auto last = "j" + little_endian(i - 1, 4);
    all += "0" + module(dict({text("a"), last, text("b"), last})) + "r" +
           little_endian(i, 4);
  }
  return all;
}

/// A tensor as torch.save writes it.
struct Tensor {
  std::string storage = "FloatStorage";
  std::string key = "0";
  int64_t length = 4;
  int64_t offset = 0;
  std::vector<int64_t> sizes = {4};
  std::vector<int64_t> strides = {1};
  int64_t part = -1;          ///< Offset of a view, in files before 0.4.
  std::string metadata = {};  ///< A dict.
};
inline std::string tensor(const Tensor& t) {
  std::vector<std::string> id = {text("storage"), type("torch", t.storage),
                                 text(t.key), text("cpu"), integer(t.length)};
  if (t.part >= 0) {
    id.push_back(tuple({text("view"), integer(t.part), integer(t.length)}));
  }
  std::vector<std::string> given = {tuple(id) + "Q",     integer(t.offset),
                                    integers(t.sizes),   integers(t.strides),
                                    std::string("\x89"), "}"};
  if (!t.metadata.empty()) given.push_back(t.metadata);
  return call(type("torch._utils", "_rebuild_tensor_v2"), tuple(given));
}

}  // namespace skipzoo::pickled
