#include "tools/data/copies.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <unordered_map>

#include "tools/data/in_threads.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

/// What a thread found of a picture.
struct Look {
  std::string content;
  std::string upper_rows;  ///< Their key; empty where it cannot be decoded.
};

/// Equal for pictures of the same size and pixels alone, but for chance.
std::string key_of(const Image& image, int64_t height) {
  return std::to_string(height) + "x" + std::to_string(image.width) + " " +
         content_of(image.pixels);
}

std::string upper_rows_of(const Dataset& data, int64_t index) {
  static constexpr int64_t kRows = 16;  // Of a JPEG's blocks, one or two.
  int64_t all = 0;
  const auto choose = [&all](int64_t height, int64_t width) {
    all = height;
    return Window{.height = std::min(height, kRows), .width = width};
  };
  try {
    const Image rows = data.part(index, choose);
    return key_of(rows, all);
  } catch (const std::runtime_error&) {
    return "";
  }
}

std::string pixels_of(const Dataset& data, int64_t index) {
  try {
    const Image image = data.image(index);
    return key_of(image, image.height);
  } catch (const std::runtime_error&) {
    return "";
  }
}

Look look_at(const Dataset& data, int64_t index, OnError on_error) {
  try {
    return {.content = data.content(index),
            .upper_rows = upper_rows_of(data, index)};
  } catch (const FileError&) {
    if (on_error == OnError::kStop) throw;
    return {.content = "unreadable " + data.key(index), .upper_rows = ""};
  }
}

/// Pictures whose upper rows are those of one with other content.
std::vector<int64_t> perhaps_copies(const std::vector<Look>& looks) {
  std::unordered_map<std::string, std::set<std::string>> contents;
  for (const auto& look : looks) contents[look.upper_rows].insert(look.content);
  std::vector<int64_t> found;
  for (size_t i = 0; i < looks.size(); ++i) {
    const auto& key = looks[i].upper_rows;
    if (!key.empty() && contents.at(key).size() > 1) {
      found.push_back(static_cast<int64_t>(i));
    }
  }
  return found;
}

}  // namespace

std::vector<std::string> contents_of(const Dataset& data,
                                     const DataOptions& options) {
  std::vector<Look> looks(static_cast<size_t>(data.size()));
  in_threads(data.size(), options.workers, [&](int64_t i) {
    looks[static_cast<size_t>(i)] = look_at(data, i, options.on_error);
  });
  const auto suspects = perhaps_copies(looks);
  std::vector<std::string> pixels(suspects.size());
  in_threads(std::ssize(suspects), options.workers, [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    pixels[at] = pixels_of(data, suspects[at]);
  });
  std::map<std::string, std::string> first;  // Content, by pixels.
  for (size_t i = 0; i < suspects.size(); ++i) {
    const auto& own = looks[static_cast<size_t>(suspects[i])].content;
    const auto [known, is_new] = first.emplace(pixels[i], own);
    if (!is_new) known->second = std::min(known->second, own);
  }
  std::vector<std::string> contents;
  for (auto& look : looks) contents.push_back(std::move(look.content));
  for (size_t i = 0; i < suspects.size(); ++i) {
    if (pixels[i].empty()) continue;
    contents[static_cast<size_t>(suspects[i])] = first.at(pixels[i]);
  }
  return contents;
}

}  // namespace skipzoo
