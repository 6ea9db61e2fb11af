#include "tools/data/data_facts.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "tools/data/copies.h"
#include "tools/data/sampler.h"

namespace skipzoo {

namespace {

/// Splits one behind the other: copies are sought in all of them.
class Joined : public Dataset {
 public:
  explicit Joined(std::span<const SplitFacts> splits) {
    for (size_t s = 0; s < splits.size(); ++s) {
      data_.push_back(splits[s].data);
      for (int64_t i = 0; i < splits[s].data->size(); ++i) {
        places_.push_back({s, i});
      }
    }
  }

  int64_t size() const override { return std::ssize(places_); }
  Image image(int64_t index) const override {
    return of(index).image(at(index).index);
  }
  Image part(int64_t index, const ChooseWindow& choose) const override {
    return of(index).part(at(index).index, choose);
  }
  int64_t label(int64_t index) const override {
    return of(index).label(at(index).index);
  }
  bool is_multi_label() const override {
    return data_.front()->is_multi_label();
  }
  std::vector<int64_t> labels(int64_t index) const override {
    return of(index).labels(at(index).index);
  }
  std::string name(int64_t index) const override {
    return of(index).name(at(index).index);
  }
  std::string key(int64_t index) const override {
    return std::to_string(at(index).split) + "/" +
           of(index).key(at(index).index);
  }
  std::string content(int64_t index) const override {
    return of(index).content(at(index).index);
  }
  const std::vector<std::string>& classes() const override {
    return data_.front()->classes();
  }

  const PicturePlace& at(int64_t index) const {
    return places_[static_cast<size_t>(index)];
  }

 private:
  const Dataset& of(int64_t index) const { return *data_[at(index).split]; }

  std::vector<DatasetPtr> data_;
  std::vector<PicturePlace> places_;
};

using Length = int64_t PictureFacts::*;

Spread spread_of(std::span<const SplitFacts> splits, Length length) {
  std::vector<int64_t> all;
  for (const auto& split : splits) {
    for (const auto& one : split.pictures) {
      if (one.is_read()) all.push_back(one.*length);
    }
  }
  if (all.empty()) return {};
  std::ranges::sort(all);
  return {all.front(), all[all.size() / 2], all.back()};
}

std::string why_odd(const PictureFacts& one, const Spread& heights,
                    const Spread& widths) {
  constexpr int64_t kMuch = 4;
  const auto [shorter, longer] = std::minmax(one.height, one.width);
  const std::string size = std::to_string(one.width) + " x " +
                           std::to_string(one.height) + " pixels";
  if (one.is_plain) return "of one colour";
  if (longer > kMuch * shorter) return size + ": long and thin";
  if (kMuch * one.height < heights.median &&
      kMuch * one.width < widths.median) {
    return size + ": much smaller than the others";
  }
  return "";
}

}  // namespace

SplitFacts facts_of_split(std::string name, DatasetPtr data,
                          const SurveyOptions& options) {
  return {.name = std::move(name),
          .data = data,
          .pictures = survey(*data, options),
          .per_class = class_counts(*data)};
}

std::vector<Copies> copies_in(std::span<const SplitFacts> splits,
                              const DataOptions& options) {
  if (splits.empty()) return {};
  const Joined all(splits);
  auto careful = options;
  careful.on_error = OnError::kSkip;  // They are named elsewhere.
  const auto contents = contents_of(all, careful);
  std::map<std::string, std::vector<int64_t>> equal;
  for (int64_t i = 0; i < all.size(); ++i) {
    equal[contents[static_cast<size_t>(i)]].push_back(i);
  }
  std::map<int64_t, Copies> found;  // By the first of them.
  for (const auto& [content, indices] : equal) {
    if (indices.size() < 2) continue;
    Copies& copies = found[indices.front()];
    for (const int64_t index : indices) {
      copies.pictures.push_back(all.at(index));
      copies.are_across_splits |=
          all.at(index).split != all.at(indices.front()).split;
      copies.have_other_labels |=
          all.labels(index) != all.labels(indices.front());
    }
  }
  std::vector<Copies> in_order;
  for (auto& [first, copies] : found) in_order.push_back(std::move(copies));
  return in_order;
}

std::vector<OddPicture> odd_pictures(std::span<const SplitFacts> splits) {
  const Spread heights = heights_in(splits), widths = widths_in(splits);
  std::vector<OddPicture> odd;
  for (size_t s = 0; s < splits.size(); ++s) {
    for (const auto& one : splits[s].pictures) {
      if (!one.is_read()) continue;
      const auto why = why_odd(one, heights, widths);
      if (!why.empty()) odd.push_back({{s, one.index}, why});
    }
  }
  return odd;
}

std::map<std::string, int64_t> kinds_in(std::span<const SplitFacts> splits) {
  std::map<std::string, int64_t> kinds;
  for (const auto& split : splits) {
    for (const auto& one : split.pictures) {
      if (split.data->file(one.index).empty()) continue;
      ++kinds[name_of_kind(one.kind)];
    }
  }
  return kinds;
}

Spread heights_in(std::span<const SplitFacts> splits) {
  return spread_of(splits, &PictureFacts::height);
}

Spread widths_in(std::span<const SplitFacts> splits) {
  return spread_of(splits, &PictureFacts::width);
}

}  // namespace skipzoo
