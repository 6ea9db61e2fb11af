#include <algorithm>
#include <stdexcept>

#include "tools/cli/data_findings.h"
#include "tools/data/jpeg_writer.h"
#include "tools/data/text.h"
#include "tools/data/transform.h"
#include "tools/report/contact_sheet.h"

namespace skipzoo {

namespace {

/// Small pictures of a class, from the first split that has some.
std::vector<Thumbnail> thumbnails(const DataFindings& found, int64_t label,
                                  size_t most) {
  constexpr int64_t kSide = 96;
  std::vector<Thumbnail> pictures;
  for (const auto& split : found.splits) {
    for (const auto& one : split.pictures) {
      if (pictures.size() == most) return pictures;
      const auto labels = split.data->labels(one.index);
      if (!one.is_read() || std::ranges::find(labels, label) == labels.end()) {
        continue;
      }
      try {
        const auto small = resize_and_crop(split.data->image(one.index), kSide,
                                           kSide, Interpolation::kBilinear);
        pictures.push_back(
            {as_utf8(split.data->name(one.index)), encode_jpeg(small)});
      } catch (const std::runtime_error&) {
        // Too long and thin to be made small, or gone meanwhile.
      }
    }
  }
  return pictures;
}

}  // namespace

std::string data_page(const DataFindings& found) {
  constexpr size_t kMostPictures = 480, kMostOfClass = 12, kMostClasses = 480;
  ContactSheet sheet;
  const auto& classes = found.splits.front().data->classes();
  sheet.title = as_utf8(found.named);
  sheet.summary =
      spread_text(widths_in(found.splits), heights_in(found.splits)) +
      " pixels; mean " + numbers_text(found.statistics.mean) + ", std " +
      numbers_text(found.statistics.std) +
      (found.why_not.empty() ? "" : "; a run would not start: ") +
      found.why_not;
  sheet.facts.emplace_back("Classes", std::to_string(classes.size()));
  for (const auto& split : found.splits) {
    sheet.splits.push_back(split.name);
    sheet.facts.emplace_back(split.name, std::to_string(split.data->size()));
  }
  for (const auto& [kind, count] : kinds_in(found.splits)) {
    sheet.facts.emplace_back(kind, std::to_string(count));
  }
  const size_t each =
      std::clamp<size_t>(kMostPictures / classes.size(), 1, kMostOfClass);
  for (size_t c = 0; c < classes.size(); ++c) {
    ClassOnSheet one{.name = classes[c], .counts = {}, .pictures = {}};
    for (const auto& split : found.splits) {
      one.counts.push_back(split.per_class[c]);
    }
    if (c < kMostClasses) {
      one.pictures = thumbnails(found, static_cast<int64_t>(c), each);
    }
    sheet.classes.push_back(std::move(one));
  }
  sheet.unreadable = remarks_of_unreadable(found);
  sheet.odd = remarks_of_odd(found);
  sheet.copies = remarks_of_copies(found);
  for (auto* remarks : {&sheet.unreadable, &sheet.odd, &sheet.copies}) {
    for (auto& one : *remarks) {
      one = {as_utf8(one.name), as_utf8(one.text)};
    }
  }
  return contact_sheet_page(sheet);
}

}  // namespace skipzoo
