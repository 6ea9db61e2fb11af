#include "tools/data/picture_views.h"

#include <stdexcept>
#include <utility>

#include "tools/data/stage_times.h"
#include "tools/data/transform.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

/// Of the first picture that can be read; 0: none can.
int64_t channels_of(const Dataset& data) {
  for (int64_t i = 0; i < data.size(); ++i) {
    try {
      return data.image(i).channels;
    } catch (const std::runtime_error&) {
      // Whoever wants it says so.
    }
  }
  return 0;
}

/// How a picture is read and what is done to it before it is kept, in words. A
/// change of what the same words stand for needs another number in front.
std::string step_of(const DataOptions& options, const Dataset& data,
                    PictureViews::Mode mode, bool keeps_resized) {
  std::string step = "1, " + std::to_string(channels_of(data)) + " channels, " +
                     std::string(name_of(options.exif));
  const auto size = std::to_string(options.size_in_epoch(0)) + " " +
                    std::string(name_of(options.interpolation));
  if (mode == PictureViews::Mode::kEvaluate) {
    return step + ", evaluation at " + std::to_string(options.image_size) +
           " of " + std::to_string(options.crop_pct) + " " +
           std::string(name_of(options.interpolation));
  }
  return step + (keeps_resized ? ", training at " + size : ", whole");
}

/// Whether the first step of training is the same in every epoch, and leaves
/// less than the whole picture.
bool begins_by_resizing(const DataOptions& options) {
  return !options.augment.random_resized_crop &&
         !options.progressive_resizing.enabled() &&
         options.size_in_epoch(0) != 0;
}

}  // namespace

PictureViews::PictureViews(DatasetPtr data, const DataOptions& options,
                           Mode mode)
    : data_(std::move(data)),
      options_(options),
      mode_(mode),
      keeps_resized_(mode == Mode::kTrain && begins_by_resizing(options)) {
  if (options.cache == Cache::kRam) {
    cache_ = keep_in_memory(data_->size());
  } else if (options.cache == Cache::kDisk) {
    cache_ =
        keep_on_disk(data_, step_of(options, *data_, mode, keeps_resized_));
  }
}

Image PictureViews::read(int64_t index, const ChooseWindow& choose) const {
  const InStage stage(Stage::kDecode);
  return choose ? data_->part(index, choose) : data_->image(index);
}

Image PictureViews::kept(int64_t index,
                         const std::function<Image()>& make) const {
  return cache_ ? cache_->get(index, make) : make();
}

template <typename View>
Image PictureViews::named(int64_t index, const View& view) const {
  try {
    return view();
  } catch (const FileError&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw FileError(data_->name(index), error.what());
  }
}

Image PictureViews::evaluation_view(int64_t index) const {
  return named(index, [&] {
    return kept(
        index, [&] { return skipzoo::evaluation_view(read(index), options_); });
  });
}

Image PictureViews::training_view(int64_t index,
                                  std::span<const TrainingTransform> transforms,
                                  const Random& random) const {
  return named(index, [&] {
    if (!cache_) {
      return skipzoo::training_view(
          [&](const ChooseWindow& choose) { return read(index, choose); },
          transforms, random);
    }
    if (keeps_resized_) {
      // It draws nothing, so the others draw what they would behind it.
      auto resized =
          kept(index, [&] { return unchanging_view(index, transforms); });
      return skipzoo::training_view(std::move(resized), transforms.subspan(1),
                                    random);
    }
    return skipzoo::training_view(kept(index, [&] { return read(index); }),
                                  transforms, random);
  });
}

Image PictureViews::unchanging_view(
    int64_t index, std::span<const TrainingTransform> transforms) const {
  return named(index, [&] {
    if (mode_ == Mode::kEvaluate) {
      return skipzoo::evaluation_view(read(index), options_);
    }
    // They draw nothing.
    return skipzoo::training_view(read(index), transforms.first(unchanging()),
                                  Random(0));
  });
}

}  // namespace skipzoo
