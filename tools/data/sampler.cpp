#include "tools/data/sampler.h"

#include <algorithm>
#include <iterator>

namespace skipzoo {

namespace {

/// The pictures of a class, in an order that is drawn anew when all have come.
class ClassPictures {
 public:
  void add(int64_t index) { indices_.push_back(index); }
  bool empty() const { return indices_.empty(); }
  int64_t next(Random& random) {
    if (order_.empty()) {
      order_ = random.permutation(static_cast<int64_t>(indices_.size()));
    }
    const auto at = static_cast<size_t>(order_.back());
    order_.pop_back();
    return indices_[at];
  }

 private:
  std::vector<int64_t> indices_, order_;
};

}  // namespace

std::vector<int64_t> balanced_order(const Dataset& dataset, Random& random) {
  std::vector<ClassPictures> classes(dataset.classes().size());
  for (int64_t i = 0; i < dataset.size(); ++i) {
    classes[static_cast<size_t>(dataset.label(i))].add(i);
  }
  std::erase_if(classes, [](const auto& pictures) { return pictures.empty(); });
  std::vector<int64_t> order;
  const auto count = static_cast<int64_t>(classes.size());
  std::generate_n(std::back_inserter(order), dataset.size(), [&] {
    return classes[static_cast<size_t>(random.below(count))].next(random);
  });
  return order;
}

std::vector<Sample> repeated(std::span<const int64_t> order, int64_t repeats) {
  std::vector<Sample> samples(order.size());
  std::vector<int64_t> shown;
  for (size_t i = 0; i < samples.size(); ++i) {
    const int64_t index = order[i / static_cast<size_t>(repeats)];
    const auto at = static_cast<size_t>(index);
    if (at >= shown.size()) shown.resize(2 * at + 1);
    samples[i] = {.index = index, .copy = shown[at]++};
  }
  return samples;
}

std::vector<int64_t> class_counts(const Dataset& dataset) {
  std::vector<int64_t> counts(dataset.classes().size());
  for (int64_t i = 0; i < dataset.size(); ++i) {
    for (const int64_t label : dataset.labels(i)) {
      ++counts[static_cast<size_t>(label)];
    }
  }
  return counts;
}

}  // namespace skipzoo
