#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace skipzoo {

/// Which names are those of a network's last layer, though it is called
/// otherwise: as in Keras ports, timm, kuangliu, Cadene, and where it stands in
/// a Sequential behind a Dropout or before an activation ("fc.1", "fc.0").
class HeadNames {
 public:
  /// names: all of a file, for a Sequential of several layers is no such head.
  HeadNames(const std::vector<std::string>& names, std::string head);

  /// The name of the same tensor in the network; empty where `name` without its
  /// first `prefix` letters is none of a head.
  std::string own_name(std::string_view name, size_t prefix) const;

 private:
  std::string head_;
  /// By what stands before the number, "backbone.fc" of "backbone.fc.1.weight":
  /// the number, or kMany.
  std::unordered_map<std::string_view, std::string_view> layers_;
};

}  // namespace skipzoo
