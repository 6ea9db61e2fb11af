#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tools/data/dataset.h"
#include "tools/data/options.h"
#include "tools/data/picked.h"
#include "tools/data/survey.h"

namespace skipzoo {

/// What a part of the data of a run holds.
struct SplitFacts {
  std::string name;  ///< "train", "validation" or a split's own.
  DatasetPtr data;
  std::vector<PictureFacts> pictures;  ///< All, in their order.
  std::vector<int64_t> per_class;      ///< Pictures of each class.
};

/// Pictures of equal bytes or pixels, in the order of splits and their data.
struct Copies {
  std::vector<PicturePlace> pictures;
  bool are_across_splits = false;  ///< What is measured is trained on.
  bool have_other_labels = false;  ///< One of them is wrong.
};

/// A picture that can be read and is probably not meant.
struct OddPicture {
  PicturePlace place;
  std::string why;
};

SplitFacts facts_of_split(std::string name, DatasetPtr data,
                          const SurveyOptions& options);

/// splits: the one that is trained on first.
/// Reads all pictures once more that can be read (contents_of()).
std::vector<Copies> copies_in(std::span<const SplitFacts> splits,
                              const DataOptions& options);

/// Those of one colour, those over four times as long as wide, and those less
/// than a quarter of the median in both directions.
std::vector<OddPicture> odd_pictures(std::span<const SplitFacts> splits);

/// Classes of which no picture can be read.
std::vector<std::string> classes_without_readable(const SplitFacts& split);

/// Pictures of each kind: "JPEG", "PNG" …; of data sets of files alone.
std::map<std::string, int64_t> kinds_in(std::span<const SplitFacts> splits);

/// The smallest, the median and the largest of some lengths; 0 for none.
struct Spread {
  int64_t least = 0, median = 0, most = 0;
};
/// Of those that can be read.
Spread heights_in(std::span<const SplitFacts> splits);
Spread widths_in(std::span<const SplitFacts> splits);

}  // namespace skipzoo
