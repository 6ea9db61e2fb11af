#include "tools/data/data_facts.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "tools/data/copies.h"
#include "tools/data/sampler.h"

namespace skipzoo {

namespace {

/// Those that can be read, one split behind the other.
Picked readable_in(std::span<const SplitFacts> splits) {
  std::vector<DatasetPtr> data;
  std::vector<PicturePlace> places;
  for (size_t s = 0; s < splits.size(); ++s) {
    data.push_back(splits[s].data);
    for (const auto& one : splits[s].pictures) {
      if (one.is_read()) places.push_back({s, one.index});
    }
  }
  return {std::move(data), std::move(places)};
}

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
  const Picked all = readable_in(splits);
  auto careful = options;
  careful.on_error = OnError::kSkip;  // One that has just gone.
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
      // The training split comes first.
      copies.are_across_splits |=
          all.at(index).split > 0 && all.at(indices.front()).split == 0;
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

std::vector<std::string> classes_without_readable(const SplitFacts& split) {
  std::vector<int64_t> readable(split.per_class.size());
  for (const auto& one : split.pictures) {
    if (!one.is_read()) continue;
    for (const int64_t label : split.data->labels(one.index)) {
      ++readable[static_cast<size_t>(label)];
    }
  }
  std::vector<std::string> without;
  for (size_t c = 0; c < readable.size(); ++c) {
    if (readable[c] == 0) without.push_back(split.data->classes()[c]);
  }
  return without;
}

Spread heights_in(std::span<const SplitFacts> splits) {
  return spread_of(splits, &PictureFacts::height);
}

Spread widths_in(std::span<const SplitFacts> splits) {
  return spread_of(splits, &PictureFacts::width);
}

}  // namespace skipzoo
