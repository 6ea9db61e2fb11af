#include "tools/data/copy_stream.h"

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <map>
#include <mutex>

namespace skipzoo {

namespace {

/// By what all devices of LibTorch have in common, without CUDA's headers.
class DeviceCopyStream : public CopyStream {
 public:
  explicit DeviceCopyStream(torch::Device device)
      : device_(device),
        streams_(device.type()),
        own_(streams_.getStreamFromGlobalPool(device)) {}

  Copy begin(const Batch& batch) override {
    if (!batch.images.is_cpu()) return {.batch = batch, .done = std::nullopt};
    // The new tensors are of this stream's memory: in that of the computing one
    // there may still be what a step in its queue reads.
    const c10::StreamGuard beside(own_);
    Copy copy = {
        .batch = {.images = batch.images.to(device_, /*non_blocking=*/true),
                  .targets = batch.targets.to(device_),
                  .indices = batch.indices},
        .done = c10::Event(device_.type())};
    copy.done->record(own_);
    return copy;
  }

  void join(Copy& copy) override {
    if (!copy.done) return;
    const c10::Stream computing = streams_.getStream(device_);
    copy.done->block(computing);
    const auto& targets = copy.batch.targets;
    for (const auto& tensor :
         {copy.batch.images, targets.values, targets.weights}) {
      if (tensor.defined()) tensor.record_stream(computing);
    }
  }

  bool is_idle() const override {
    return streams_.queryStream(streams_.getStream(device_));
  }

 private:
  torch::Device device_;
  c10::impl::VirtualGuardImpl streams_;
  c10::Stream own_;
};

}  // namespace

std::shared_ptr<CopyStream> copy_stream(torch::Device device) {
  if (device.is_cpu()) return nullptr;
  static std::mutex mutex;
  static std::map<c10::DeviceIndex, std::shared_ptr<CopyStream>> streams;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& stream = streams[device.index()];
  if (!stream) stream = std::make_shared<DeviceCopyStream>(device);
  return stream;
}

}  // namespace skipzoo
