#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <typeindex>
#include <utility>
#include <vector>

namespace skipzoo {

/// Buffers that the layers of a network share where theirs are alike: each by
/// itself, those of many layers would push each other out of the cache. What
/// uses a pool is not run by two threads at once.
class ScratchPool {
 public:
  /// The Buffer of `shape`, which says all that it depends on, what stays in it
  /// from run to run included; made where there is none. It lives as long as
  /// one of those who have it.
  template <typename Buffer, typename Make>
  std::shared_ptr<Buffer> get(const std::vector<int64_t>& shape,
                              const Make& make) {
    auto& known = buffers_[{std::type_index(typeid(Buffer)), shape}];
    auto buffer = std::static_pointer_cast<Buffer>(known.lock());
    if (buffer == nullptr) {
      buffer = std::make_shared<Buffer>(make());
      known = buffer;
    }
    return buffer;
  }

 private:
  std::map<std::pair<std::type_index, std::vector<int64_t>>,
           std::weak_ptr<void>>
      buffers_;
};

}  // namespace skipzoo
