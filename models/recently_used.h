#pragma once

#include <cstddef>
#include <list>
#include <utility>

namespace skipzoo {

/// What was made for each of a few keys: those used last.
template <typename Key, typename Value>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(size_t most) : most_(most) {}

  /// Null where there is none. What is found was used last.
  Value* find(const Key& key) {
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (it->first != key) continue;
      entries_.splice(entries_.begin(), entries_, it);
      return &it->second;
    }
    return nullptr;
  }
  /// In place of the longest unused where there are as many as there may be.
  Value& add(Key key, Value value) {
    if (entries_.size() == most_) entries_.pop_back();
    return entries_.emplace_front(std::move(key), std::move(value)).second;
  }

 private:
  size_t most_;
  std::list<std::pair<Key, Value>> entries_;  ///< The last used first.
};

}  // namespace skipzoo
