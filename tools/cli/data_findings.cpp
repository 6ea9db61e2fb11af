#include "tools/cli/data_findings.h"

#include <iomanip>
#include <sstream>

namespace skipzoo {

const PictureFacts& DataFindings::facts(const PicturePlace& place) const {
  return splits[place.split].pictures[static_cast<size_t>(place.index)];
}

std::string DataFindings::name(const PicturePlace& place) const {
  return splits[place.split].data->name(place.index);
}

std::string DataFindings::class_of(const PicturePlace& place) const {
  const auto& data = *splits[place.split].data;
  std::string names;
  for (const int64_t label : data.labels(place.index)) {
    names +=
        (names.empty() ? "" : "|") + data.classes()[static_cast<size_t>(label)];
  }
  return names;
}

std::vector<PicturePlace> DataFindings::unreadable() const {
  std::vector<PicturePlace> places;
  for (size_t s = 0; s < splits.size(); ++s) {
    for (const auto& one : splits[s].pictures) {
      if (!one.is_read()) places.push_back({s, one.index});
    }
  }
  return places;
}

std::string words_of(const Copies& copies) {
  std::string words;
  if (copies.have_other_labels) words = "of different classes";
  if (copies.are_across_splits) {
    words += std::string(words.empty() ? "" : ", and ") +
             "what is measured is trained on";
  }
  return words;
}

std::vector<Remark> remarks_of_unreadable(const DataFindings& found) {
  std::vector<Remark> remarks;
  for (const auto& place : found.unreadable()) {
    const auto name = found.name(place);
    auto why = found.facts(place).error;
    if (why.starts_with(name + ": ")) why.erase(0, name.size() + 2);
    remarks.push_back({name, why});
  }
  return remarks;
}

std::vector<Remark> remarks_of_odd(const DataFindings& found) {
  std::vector<Remark> remarks;
  for (const auto& one : found.odd) {
    remarks.push_back({found.name(one.place), one.why});
  }
  return remarks;
}

/// Those that harm first.
std::vector<Remark> remarks_of_copies(const DataFindings& found) {
  std::vector<Remark> harmful, others;
  for (const auto& copies : found.copies) {
    std::string text;
    for (const auto& place : copies.pictures) {
      if (&place == &copies.pictures.front()) continue;
      text += (text.empty() ? "= " : ", = ") + found.name(place);
    }
    const auto words = words_of(copies);
    if (!words.empty()) text += " (" + words + ")";
    (words.empty() ? others : harmful)
        .push_back({found.name(copies.pictures.front()), text});
  }
  harmful.insert(harmful.end(), others.begin(), others.end());
  return harmful;
}

std::string spread_text(const Spread& widths, const Spread& heights) {
  const auto size = [](int64_t width, int64_t height) {
    return std::to_string(width) + " x " + std::to_string(height);
  };
  if (widths.least == widths.most && heights.least == heights.most) {
    return size(widths.least, heights.least);
  }
  return size(widths.least, heights.least) + " to " +
         size(widths.most, heights.most) + ", median " +
         size(widths.median, heights.median);
}

std::string numbers_text(const std::vector<double>& values) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << "[";
  for (size_t i = 0; i < values.size(); ++i) {
    text << (i > 0 ? ", " : "") << values[i];
  }
  text << "]";
  return text.str();
}

}  // namespace skipzoo
