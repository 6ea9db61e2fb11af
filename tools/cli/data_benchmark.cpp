#include "tools/cli/data_benchmark.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/cli/run.h"
#include "tools/data/prefetch.h"
#include "tools/data/stage_times.h"
#include "tools/device.h"
#include "tools/run/batches.h"
#include "tools/train/preprocessing.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

constexpr std::pair<Stage, const char*> kStageNames[] = {
    {Stage::kDecode, "decode"},
    {Stage::kResize, "resize"},
    {Stage::kAugment, "augment"}};

/// Of the whole process, in seconds.
double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Batches as a training on that device gets them, epoch after epoch.
class Feed {
 public:
  Feed(const RunConfig& config, const DatasetPtr& dataset, int64_t workers,
       torch::Device device)
      : loader_(make_loader(dataset, with_workers(config, workers),
                            Loader::Mode::kTrain, device)),
        preprocess_{.device = device,
                    .channels_last = config.train.channels_last,
                    .normalise =
                        Normaliser(config.data.mean, config.data.std, device)} {
    begin_epoch();
  }

  /// The number of its pictures.
  int64_t next() {
    auto batch = batches_->next();
    while (!batch) {
      ++number_;
      begin_epoch();
      batch = batches_->next();
    }
    return preprocess_(batch->images).size(0);
  }

  /// Until all of them are there: a GPU is given work ahead.
  void finish() const {
    const auto device = preprocess_.device;
    if (device.is_cpu()) return;
    const c10::impl::VirtualGuardImpl streams(device.type());
    streams.synchronizeStream(streams.getStream(device));
  }

  /// Where they are made.
  const char* place() const {
    if (loader_.is_on_device()) return "device";
    return preprocess_.device.is_cpu() ? "host" : "host, copied ahead";
  }

 private:
  static RunConfig with_workers(RunConfig config, int64_t workers) {
    config.data.workers = workers;
    return config;
  }

  void begin_epoch() {
    batches_.reset();
    epoch_.reset();  // One at a time.
    epoch_ = std::make_unique<Loader::Epoch>(loader_, number_, 0);
    batches_ = std::make_unique<Prefetch>(*epoch_, preprocess_.device);
  }

  Loader loader_;
  int64_t number_ = 0;
  std::unique_ptr<Loader::Epoch> epoch_;
  std::unique_ptr<Prefetch> batches_;
  Preprocessing preprocess_;
};

ordered_json measure_feed(Feed& feed, int64_t workers, double least) {
  // Workers are ahead by as many batches when measuring starts as when it ends.
  for (int64_t i = 0; i <= workers; ++i) feed.next();
  feed.finish();
  const StageTimes stages;
  const auto start = std::chrono::steady_clock::now();
  const double cpu_before = cpu_seconds();
  const auto wall = [start] {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - start).count();
  };
  int64_t pictures = 0;
  do {
    pictures += feed.next();
  } while (wall() < least);
  feed.finish();
  const double seconds = wall();
  const double cpu = std::max(cpu_seconds() - cpu_before, 1e-9);
  const auto count = static_cast<double>(std::max<int64_t>(pictures, 1));
  const auto rounded = [](double value) {
    return std::round(value * 1e4) / 1e4;
  };
  ordered_json json = {
      {"workers", workers},
      {"images_per_s", std::round(1e2 * count / seconds) / 1e2},
      {"cpu_ms", rounded(1e3 * cpu / count)}};
  double rest = 1;
  for (const auto& [stage, name] : kStageNames) {
    const double share = std::min(stages.seconds(stage) / cpu, rest);
    json[name] = rounded(share);
    rest -= share;
  }
  json["rest"] = rounded(rest);
  return json;
}

void print_feeds(const ordered_json& json) {
  std::cout << json["model"].get<std::string>() << ", data, batch "
            << json["batch"] << ": " << json["pictures"]
            << " pictures for training, as " << json["width"] << " x "
            << json["height"];
  // On the CPU they are made where they are used.
  const auto place = json["made_on"].get<std::string>();
  if (place != "host") std::cout << ", made on the " << place;
  std::cout
      << "\nworkers  images/s    CPU ms  decode  resize  augment    rest\n"
      << std::fixed;
  for (const auto& row : json["by_workers"]) {
    const auto value = [&row](const char* key) {
      return row[key].get<double>();
    };
    std::cout << std::setw(7) << row["workers"].get<int64_t>()
              << std::setprecision(1) << std::setw(10) << value("images_per_s")
              << std::setprecision(3) << std::setw(10) << value("cpu_ms")
              << std::setprecision(1);
    for (const auto& [share, width] :
         {std::pair{"decode", 6}, {"resize", 6}, {"augment", 7}, {"rest", 6}}) {
      std::cout << std::setw(width) << 100 * value(share) << " %";
    }
    std::cout << '\n';
  }
}

}  // namespace

void benchmark_data(const RunConfig& config, const DataBenchmark& asked) {
  const auto dataset =
      open_dataset(config.data, Split::kTrain, input_shape(config)[0],
                   num_classes(config.model));
  const auto shape = picture_shape(config, *dataset);
  ordered_json json = {{"peer", "skipzoo"},
                       {"model", asked.name},
                       {"mode", "data"},
                       {"batch", config.data.batch_size},
                       {"pictures", dataset->size()},
                       {"height", shape[1]},
                       {"width", shape[2]},
                       {"made_on", ""},
                       {"by_workers", ordered_json::array()}};
  auto numbers = asked.workers;
  if (numbers.empty()) numbers = {config.data.workers};
  for (const int64_t workers : numbers) {
    Feed feed(config, dataset, workers, asked.device);
    json["made_on"] = feed.place();
    json["by_workers"].push_back(measure_feed(feed, workers, asked.seconds));
  }
  if (asked.json) {
    std::cout << json.dump(-1, ' ', false,
                           ordered_json::error_handler_t::replace)
              << '\n';
  } else {
    print_feeds(json);
  }
}

}  // namespace skipzoo
