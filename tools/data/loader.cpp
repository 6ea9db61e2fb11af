#include "tools/data/loader.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <omp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "tools/data/data_file.h"
#include "tools/data/sampler.h"
#include "tools/error.h"
#include "tools/memory.h"

namespace skipzoo {

namespace {

/// E.g. "32 x 24".
std::string size_text(const Image& image) {
  return std::to_string(image.width) + " x " + std::to_string(image.height);
}

}  // namespace

struct Loader::Skipped {
  std::mutex mutex;
  std::set<int64_t> pictures;

  void add(int64_t index, const std::string& why) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (pictures.insert(index).second) spdlog::warn("skipped: {}", why);
  }
};

Loader::Loader(DatasetPtr dataset, const DataOptions& options, Mode mode,
               int64_t seed, bool pinned, const Shard& shard)
    : dataset_(std::move(dataset)),
      options_(options),
      mode_(mode),
      seed_(static_cast<uint64_t>(seed)),
      pinned_(pinned),
      shard_(shard),
      views_(dataset_, options_, mode_),
      skipped_(std::make_shared<Skipped>()) {
  if (mode_ == Mode::kTrain && !options_.drop_last &&
      dataset_->size() % pictures_of_batch() == 1) {
    spdlog::info(
        "the last training batch holds one picture and is left out: "
        "BatchNorm has no variance there");
  }
  if (mode_ == Mode::kTrain && options_.batch_size == 1) {
    throw ConfigError(
        "data.batch_size: must be at least 2 in training, where "
        "BatchNorm has no variance in one picture");
  }
  // Of several processes one may have nothing to evaluate.
  if (mode_ == Mode::kTrain ? batches() == 0 : dataset_->size() == 0) {
    throw ConfigError(
        "data: " + std::to_string(dataset_->size()) +
        " pictures make no full batch of data.batch_size " +
        std::to_string(options_.batch_size) +
        (shard_.count == 1
             ? ""
             : " for each of " + std::to_string(shard_.count) + " processes"));
  }
}

Image Loader::evaluation_image(int64_t index) const {
  return views_.evaluation_view(index);
}

int64_t Loader::skipped() const {
  const std::lock_guard<std::mutex> lock(skipped_->mutex);
  return static_cast<int64_t>(skipped_->pictures.size());
}

Loader::Plan Loader::make_plan(int64_t epoch) const {
  if (mode_ == Mode::kTrain) {
    Random random(seed_, static_cast<uint64_t>(epoch) + 1);
    const auto order = options_.sampler == Sampler::kBalanced
                           ? balanced_order(*dataset_, random)
                           : random.permutation(dataset_->size());
    return {epoch, repeated(order, options_.repeats),
            training_transforms(options_, epoch)};
  }
  std::vector<Sample> order(static_cast<size_t>(dataset_->size()));
  for (int64_t index = 0; auto& sample : order) sample.index = index++;
  return {epoch, std::move(order), {}};
}

Random Loader::random_of(const Plan& plan, const Sample& sample) const {
  // Streams of samples start apart from those of shuffles, which have no third
  // part in their key.
  const Random random(seed_, static_cast<uint64_t>(plan.epoch) + 1,
                      static_cast<uint64_t>(sample.index) + 1);
  return sample.copy > 0 ? random.stream("copy " + std::to_string(sample.copy))
                         : random;
}

FileError Loader::with_way_out(const FileError& error) {
  return {error,
          "; remove it, or go on without such pictures by data.on_error: skip"};
}

std::optional<Image> Loader::view(const Plan& plan,
                                  const Sample& sample) const {
  const int64_t index = sample.index;
  try {
    if (mode_ == Mode::kEvaluate) return views_.evaluation_view(index);
    return views_.training_view(index, plan.transforms,
                                random_of(plan, sample));
  } catch (const FileError& error) {
    if (options_.on_error == OnError::kStop) throw with_way_out(error);
    skipped_->add(index, error.what());
    return std::nullopt;
  }
}

namespace {

/// What a batch of `count` such pictures takes as bytes and as floats.
void check_memory(const Image& one, int64_t count) {
  const double needed = static_cast<double>(one.pixels.size()) *
                        static_cast<double>(count) * (2 + sizeof(float));
  if (needed <= memory_of_machine()) return;
  throw ConfigError(
      "data.batch_size: " + std::to_string(count) + " pictures of " +
      size_text(one) + " take " + bytes_text(needed) +
      ", more than the memory here; give a smaller data.batch_size or "
      "data.image_size");
}

}  // namespace

Batch Loader::make_batch(const Plan& plan, int64_t batch) const {
  if (is_on_device()) return batch_on_device(plan, batch);
  const auto [first, last] = range_of(plan.epoch, batch);
  std::vector<Image> views;
  std::vector<int64_t> indices;
  for (int64_t i = first; i < last; ++i) {
    const Sample& sample = plan.order[static_cast<size_t>(i)];
    const int64_t index = sample.index;
    auto image = view(plan, sample);
    if (!image) continue;
    if (views.empty()) {
      check_memory(*image, last - first);
    } else if (image->height != views[0].height ||
               image->width != views[0].width) {
      throw FileError(dataset_->name(index),
                      "is of " + size_text(*image) + " pixels, others are of " +
                          size_text(views[0]) +
                          "; give one size to bring them to, by "
                          "data.image_size");
    }
    views.push_back(std::move(*image));
    indices.push_back(index);
  }

  const auto count = static_cast<int64_t>(views.size());
  const auto options = at::TensorOptions().pinned_memory(pinned_);
  Batch out;
  out.targets = targets_of(*dataset_, indices, pinned_);
  out.indices = tensor_of(indices);
  const Image shape = views.empty() ? Image(1, 1, 1) : Image();
  const Image& one = views.empty() ? shape : views.front();
  out.images =
      at::empty({count, one.channels, one.height, one.width},
                options.dtype(torch::kByte), at::MemoryFormat::ChannelsLast);
  auto* pixels = out.images.mutable_data_ptr<uint8_t>();
  for (const auto& view : views) {
    std::memcpy(pixels, view.pixels.data(), view.pixels.size());
    pixels += view.pixels.size();
  }
  return out;
}

Loader::Epoch Loader::epoch(int64_t number, int64_t first) {
  return Epoch(*this, number, first);
}

/// What the workers and their consumer hold in common.
struct Loader::Epoch::Shared {
  const Loader& loader;
  int64_t batches;
  int64_t ahead;  ///< Batches that may wait finished.
  Plan plan;

  std::mutex mutex;
  std::condition_variable changed;
  int64_t started;    ///< Next batch that nobody works on.
  int64_t delivered;  ///< Next batch that the consumer gets.
  bool stopping = false;
  struct Result {
    Batch batch;
    std::exception_ptr error;
  };
  std::map<int64_t, Result> finished;
  std::vector<std::thread> workers;

  ~Shared() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    for (auto& worker : workers) worker.join();
  }

  void work() {
    // A worker that calls ATen would start a team of threads of its own. The
    // first call makes ATen apply its setting, the second undoes that here.
    at::internal::lazy_init_num_threads();
    omp_set_num_threads(1);
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      changed.wait(lock, [&] {
        return stopping || started == batches || started < delivered + ahead;
      });
      if (stopping || started == batches) return;
      const int64_t mine = started++;
      lock.unlock();
      Result result;
      try {
        result.batch = loader.make_batch(plan, mine);
      } catch (...) {
        result.error = std::current_exception();
      }
      lock.lock();
      finished.emplace(mine, std::move(result));
      changed.notify_all();
    }
  }
};

Loader::Epoch::Epoch(const Loader& loader, int64_t epoch, int64_t first)
    : shared_(new Shared{.loader = loader,
                         .batches = loader.batches_in(epoch),
                         .ahead = 2 * loader.options_.workers + 1,
                         .plan = loader.make_plan(epoch),
                         .mutex = {},
                         .changed = {},
                         .started = first,
                         .delivered = first,
                         .finished = {},
                         .workers = {}}) {
  const int64_t workers = loader.is_on_device() ? 0 : loader.options_.workers;
  for (int64_t i = 0; i < workers; ++i) {
    shared_->workers.emplace_back([shared = shared_.get()] { shared->work(); });
  }
}

Loader::Epoch::~Epoch() = default;

bool Loader::Epoch::has_workers() const { return !shared_->workers.empty(); }

bool Loader::Epoch::wait(double seconds) {
  Shared& s = *shared_;
  std::unique_lock<std::mutex> lock(s.mutex);
  return s.changed.wait_for(lock, std::chrono::duration<double>(seconds), [&] {
    return s.delivered >= s.batches || s.finished.contains(s.delivered);
  });
}

std::optional<Batch> Loader::Epoch::next() {
  Shared& s = *shared_;
  if (s.delivered >= s.batches) return std::nullopt;
  if (s.workers.empty()) {
    return s.loader.make_batch(s.plan, s.delivered++);
  }
  std::unique_lock<std::mutex> lock(s.mutex);
  s.changed.wait(lock, [&] { return s.finished.contains(s.delivered); });
  auto result = std::move(s.finished.extract(s.delivered).mapped());
  ++s.delivered;
  s.changed.notify_all();
  lock.unlock();
  if (result.error) std::rethrow_exception(result.error);
  return std::move(result.batch);
}

}  // namespace skipzoo
