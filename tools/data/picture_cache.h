#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tools/data/dataset.h"
#include "tools/data/options.h"

namespace skipzoo {

/// Pictures of a data set that were read before, as some step left them. What
/// is kept is what would be made again, to the bit.
class PictureCache {
 public:
  virtual ~PictureCache() = default;
  /// The picture of that number: kept, or what `make` makes and throws. Any
  /// thread may ask at any time.
  virtual Image get(int64_t index, const std::function<Image()>& make) = 0;
};

/// Keeps pictures for as long as it lives, and no more of them than memory has
/// room for: the others are made each time.
std::shared_ptr<PictureCache> keep_in_memory(int64_t pictures);

/// Keeps each picture in a file of its own, for later runs too: by the path,
/// size, number and times of the file that it is read from, so that one that
/// was changed is read anew, and by `step`, in words, which must differ for
/// what differs. A picture that is no file is not kept. What cannot be written,
/// or is damaged, is made each time; the first is said.
std::shared_ptr<PictureCache> keep_on_disk(DatasetPtr data,
                                           const std::string& step);

/// Where keep_on_disk() keeps them: $XDG_CACHE_HOME/skipzoo/pictures, by
/// default ~/.cache/skipzoo/pictures. Anyone may remove it.
std::filesystem::path folder_of_kept_pictures();

}  // namespace skipzoo
