#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/data/dataset.h"

namespace skipzoo {

/// A picture of one of several data sets.
struct PicturePlace {
  size_t split = 0;  ///< Which of them.
  int64_t index = 0;
};

/// Pictures picked from data sets of the same classes, in any order.
class Picked : public Dataset {
 public:
  Picked(std::vector<DatasetPtr> from, std::vector<PicturePlace> places)
      : from_(std::move(from)), places_(std::move(places)) {}

  int64_t size() const override { return std::ssize(places_); }
  Image image(int64_t index) const override {
    return of(index).image(at(index).index);
  }
  /// Of several data sets each might have a size of its own.
  bool is_in_memory() const override {
    return from_.size() == 1 && from_.front()->is_in_memory();
  }
  Image part(int64_t index, const ChooseWindow& choose) const override {
    return of(index).part(at(index).index, choose);
  }
  int64_t label(int64_t index) const override {
    return of(index).label(at(index).index);
  }
  bool is_multi_label() const override {
    return from_.front()->is_multi_label();
  }
  std::vector<int64_t> labels(int64_t index) const override {
    return of(index).labels(at(index).index);
  }
  std::string name(int64_t index) const override {
    return of(index).name(at(index).index);
  }
  std::string key(int64_t index) const override {
    return of(index).key(at(index).index);
  }
  std::filesystem::path file(int64_t index) const override {
    return of(index).file(at(index).index);
  }
  std::string content(int64_t index) const override {
    return of(index).content(at(index).index);
  }
  const std::vector<std::string>& classes() const override {
    return from_.front()->classes();
  }
  bool is_weighted() const override { return from_.front()->is_weighted(); }
  double weight(int64_t index) const override {
    return of(index).weight(at(index).index);
  }

  const PicturePlace& at(int64_t index) const {
    return places_[static_cast<size_t>(index)];
  }

 private:
  const Dataset& of(int64_t index) const { return *from_[at(index).split]; }

  std::vector<DatasetPtr> from_;
  std::vector<PicturePlace> places_;
};

/// Some pictures of a data set.
inline DatasetPtr picked(const DatasetPtr& from,
                         const std::vector<int64_t>& indices) {
  std::vector<PicturePlace> places;
  for (const int64_t index : indices) places.push_back({0, index});
  return std::make_shared<Picked>(std::vector<DatasetPtr>{from}, places);
}

}  // namespace skipzoo
