#pragma once

#include <string>
#include <vector>

#include "tools/data/data_facts.h"
#include "tools/report/contact_sheet.h"

namespace skipzoo {

/// What is found in the data of a run.
struct DataFindings {
  std::string named;  ///< The place or config, as the user named it.
  DataOptions options;
  std::vector<SplitFacts> splits;
  std::vector<Copies> copies;
  std::vector<OddPicture> odd;
  ChannelStatistics statistics;  ///< Of the training pictures.
  std::string why_not;  ///< Why a run would not start; empty: it would.

  const PictureFacts& facts(const PicturePlace& place) const;
  /// The picture as the data set names it.
  std::string name(const PicturePlace& place) const;
  /// Of several labels, with '|' between them.
  std::string class_of(const PicturePlace& place) const;
  std::vector<PicturePlace> unreadable() const;
};

/// Those with another label, or across splits, said in words; "" for others.
std::string words_of(const Copies& copies);

/// A line each, those that harm first.
std::vector<Remark> remarks_of_unreadable(const DataFindings& found);
std::vector<Remark> remarks_of_odd(const DataFindings& found);
std::vector<Remark> remarks_of_copies(const DataFindings& found);

/// "32 x 24", or "32 x 24 to 640 x 480, median 320 x 240".
std::string spread_text(const Spread& widths, const Spread& heights);
/// "[0.485, 0.456, 0.406]".
std::string numbers_text(const std::vector<double>& values);

std::string data_text(const DataFindings& found);
std::string data_json(const DataFindings& found);
/// With some pictures of each class.
std::string data_page(const DataFindings& found);

}  // namespace skipzoo
