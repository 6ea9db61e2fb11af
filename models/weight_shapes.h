#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "models/named_shapes.h"
#include "models/stem.h"
#include "models/weight_names.h"

namespace skipzoo {

/// The shapes in a weight file, by the names that a family has for them: what
/// its networks_in() asks.
class WeightShapes {
 public:
  /// `anchor` is a name that every network of a family has; what stands before
  /// it in the file stands before all names. Without it there are no shapes.
  /// `rules` are the family's.
  WeightShapes(const NamedShapes& file, std::string_view anchor,
               NameRules rules);

  bool empty() const { return shapes_.empty(); }
  bool has(const std::string& name) const { return size(name, 0) > 0; }
  /// A dimension; 0 where there is no such tensor, or it is absurd.
  int64_t size(const std::string& name, size_t dimension) const;
  /// How many of PREFIX1SUFFIX, PREFIX2SUFFIX … there are, counted from
  /// `first`.
  int64_t count(const std::string& before, const std::string& behind,
                int64_t first) const;
  /// The stem that begins with a convolution of this weight.
  Stem stem(const std::string& weight) const;
  /// Outputs of the last layer, under any of its names.
  int64_t classes(int64_t otherwise) const;

 private:
  std::unordered_map<std::string, std::vector<int64_t>> shapes_;
  std::string prefix_;
};

}  // namespace skipzoo
