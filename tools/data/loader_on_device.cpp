// A data set that lives on the device: its batches are made there, of the order
// and the random numbers that the workers would have.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

#include "tools/data/device_pictures.h"
#include "tools/data/loader.h"
#include "tools/error.h"
#include "tools/memory.h"

namespace skipzoo {

namespace {

/// Why a device cannot make the batches; empty: it can. moving: what is drawn
/// anew for each picture in each epoch.
std::string obstacle(const Dataset& data, const DataOptions& options,
                     std::span<const TrainingTransform> moving) {
  if (!data.is_in_memory()) {
    if (options.cache != Cache::kRam || options.image_size == 0) {
      return "they do not all lie in memory, of one size; files may, by "
             "data.cache: ram";
    }
    if (options.on_error == OnError::kSkip) {
      return "data.on_error: skip leaves some of them out";
    }
  }
  if (!moving.empty() && options.progressive_resizing.enabled()) {
    return "data.progressive_resizing changes their size";
  }
  for (const auto& transform : moving) {
    if (transform.place) continue;
    // Of what draws from the sample's own numbers this alone does not place().
    const std::string_view key =
        transform.stream.empty() ? "random_resized_crop" : transform.stream;
    return "data.augment." + std::string(key) + " is for the CPU";
  }
  return "";
}

}  // namespace

std::string Loader::keep_on(torch::Device device, double most) {
  const auto transforms = mode_ == Mode::kTrain
                              ? training_transforms(options_, /*epoch=*/0)
                              : std::vector<TrainingTransform>();
  const auto moving = std::span(transforms).subspan(views_.unchanging());
  const auto why = obstacle(*dataset_, options_, moving);
  if (!why.empty()) return why;
  const auto read = [&](int64_t index) {
    try {
      return views_.unchanging_view(index, transforms);
    } catch (const FileError& error) {
      throw with_way_out(error);
    }
  };
  const Image one = read(0);
  const double bytes = static_cast<double>(one.pixels.size()) *
                       static_cast<double>(dataset_->size());
  if (bytes > most) {
    return "they take " + bytes_text(bytes) + ", and " + bytes_text(most) +
           " there are for them";
  }
  if (!dataset_->is_in_memory()) {
    spdlog::info("data.on_device: {} pictures are read first",
                 dataset_->size());
  }
  on_device_ = std::make_shared<const DevicePictures>(
      device, dataset_->size(), one, std::max<int64_t>(options_.workers, 1),
      read);
  return "";
}

Batch Loader::batch_on_device(const Plan& plan, int64_t batch) const {
  const auto [first, last] = range_of(plan.epoch, batch);
  std::vector<int64_t> indices;
  std::vector<DevicePictures::Placed> pictures;
  for (int64_t i = first; i < last; ++i) {
    const Sample& sample = plan.order[static_cast<size_t>(i)];
    indices.push_back(sample.index);
    if (mode_ == Mode::kEvaluate) continue;
    const auto moving = std::span(plan.transforms).subspan(views_.unchanging());
    pictures.push_back(
        {sample.index, placement_of(moving, random_of(plan, sample))});
  }
  Batch out;
  out.images = mode_ == Mode::kEvaluate ? on_device_->range(first, last)
                                        : on_device_->placed(pictures, pinned_);
  out.targets =
      targets_of(*dataset_, indices, pinned_).to(on_device_->device());
  out.indices = tensor_of(indices);
  return out;
}

}  // namespace skipzoo
