// Process groups and their store. All that is known of c10d, whose constructors
// change from version to version, is here and in c10d_reducer.cpp.

#include "tools/distribute/c10d.h"

#include "tools/distribute/c10d_reducer.h"
#include "tools/error.h"

#ifdef SKIPZOO_GLOO

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Logging.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>
#ifdef SKIPZOO_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace skipzoo {

namespace {

using Milliseconds = std::chrono::milliseconds;

/// A collective call may wait as long as the slowest process computes or
/// writes; who does not live any more is the Watch's to find.
constexpr Milliseconds kForever = std::chrono::hours(24 * 7);

class StoreBoard : public Board {
 public:
  explicit StoreBoard(c10::intrusive_ptr<c10d::Store> store)
      : store_(std::move(store)) {}
  void write(const std::string& key, const std::string& value) override {
    connected([&] {
      store_->set(key, std::vector<uint8_t>(value.begin(), value.end()));
    });
  }
  std::vector<std::string> read(const std::vector<std::string>& keys) override {
    std::vector<std::string> values;
    const auto found = connected([&] { return store_->multiGet(keys); });
    for (const auto& value : found) {
      values.emplace_back(value.begin(), value.end());
    }
    return values;
  }

 private:
  c10::intrusive_ptr<c10d::Store> store_;
};

class GroupCollective : public Collective {
 public:
  GroupCollective(c10::intrusive_ptr<c10d::ProcessGroup> group,
                  torch::Device device)
      : group_(std::move(group)), device_(device) {}
  ~GroupCollective() override {
    try {
      group_->shutdown();
    } catch (const std::exception&) {
      // It has ended already.
    }
  }

  int64_t rank() const override { return group_->getRank(); }
  int64_t size() const override { return group_->getSize(); }

  void sum(torch::Tensor& tensor) override {
    c10d::AllreduceOptions options;
    options.timeout = kForever;
    in_place(tensor, [&](std::vector<at::Tensor>& tensors) {
      group_->allreduce(tensors, options)->wait();
    });
  }
  void broadcast(torch::Tensor& tensor) override {
    c10d::BroadcastOptions options;
    options.timeout = kForever;
    in_place(tensor, [&](std::vector<at::Tensor>& tensors) {
      group_->broadcast(tensors, options)->wait();
    });
  }
  bool any(bool mine) override {
    auto count =
        at::tensor({mine ? 1 : 0}, at::TensorOptions(device_).dtype(at::kInt));
    sum(count);
    return count.item<int>() > 0;
  }
  std::unique_ptr<GradientReduction> reduction(
      std::vector<torch::Tensor> parameters) override {
    return connected(
        [&] { return bucketed_reduction(std::move(parameters), group_); });
  }

 private:
  /// c10d takes dense tensors of its device; a weight is one of a parameter's
  /// own memory.
  template <typename Call>
  void in_place(torch::Tensor& tensor, const Call& call) const {
    const torch::NoGradGuard no_grad;
    const auto own = tensor.detach();
    std::vector<at::Tensor> dense = {own.to(device_).contiguous()};
    connected([&] { call(dense); });
    if (!dense[0].is_same(own)) own.copy_(dense[0]);
  }

  c10::intrusive_ptr<c10d::ProcessGroup> group_;
  torch::Device device_;
};

/// c10d warns of each broken connection, which the survivors say in words.
void let_c10d_name_errors_alone() {
  constexpr int kErrors = 2;  // glog's.
  FLAGS_caffe2_log_level = kErrors;
  c10::initLogging();  // TORCH_CPP_LOG_LEVEL, where it is there.
}

c10::intrusive_ptr<c10d::Store> store_at(const ProcessPlace& place, bool holds,
                                         Milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(place.port);
  options.isServer = holds;
  options.waitWorkers = false;
  options.timeout = timeout;
  if (holds && place.listening) options.masterListenFd = place.listening;
  auto store = c10::make_intrusive<c10d::TCPStore>(place.address, options);
  return c10::make_intrusive<c10d::PrefixStore>(place.prefix + "skipzoo/",
                                                store);
}

/// As PyTorch: the interface that GLOO_SOCKET_IFNAME names, else that of this
/// machine's name; on a single machine, its own loopback.
auto gloo_device(const ProcessPlace& place) {
  using Gloo = c10d::ProcessGroupGloo;
  const auto interface = environment_variable("GLOO_SOCKET_IFNAME");
  if (!interface.empty()) return Gloo::createDeviceForInterface(interface);
  return place.address == ProcessPlace().address
             ? Gloo::createDeviceForHostname(place.address)
             : Gloo::createDefaultDevice();
}

c10::intrusive_ptr<c10d::ProcessGroup> group_of(
    const ProcessPlace& place, const c10::intrusive_ptr<c10d::Store>& store,
    torch::Device device, Milliseconds timeout) {
  using Group = c10d::ProcessGroup;
  const auto rank = static_cast<int>(place.rank);
  const auto size = static_cast<int>(place.size);
  auto group = c10::make_intrusive<Group>(
      c10::make_intrusive<c10d::PrefixStore>("group", store), rank, size);
#ifdef SKIPZOO_NCCL
  if (device.is_cuda()) {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = kForever;
    group->setBackend(
        device.type(), Group::NCCL,
        c10::intrusive_ptr<c10d::Backend>(
            c10::make_intrusive<c10d::ProcessGroupNCCL>(
                c10::make_intrusive<c10d::PrefixStore>("nccl", store), rank,
                size, options)));
    group->setDefaultBackend(Group::NCCL);
    return group;
  }
#endif
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  options->devices.push_back(gloo_device(place));
  auto gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(
      c10::make_intrusive<c10d::PrefixStore>("gloo", store), rank, size,
      options);
  gloo->setTimeout(kForever);  // They have met.
  group->setBackend(device.type(), Group::GLOO,
                    c10::intrusive_ptr<c10d::Backend>(std::move(gloo)));
  group->setDefaultBackend(Group::GLOO);
  return group;
}

}  // namespace

bool has_gloo() { return true; }

bool has_nccl() {
#ifdef SKIPZOO_NCCL
  return true;
#else
  return false;
#endif
}

Processes meet(const ProcessPlace& place, torch::Device device,
               Watch::Seconds timeout, Watch::Seconds silence) {
  if (device.is_cuda() && !has_nccl()) {
    throw ConfigError(
        "train.device: several processes on CUDA need NCCL, which this build "
        "does not have; --device cpu has them train by Gloo");
  }
  const auto milliseconds = [](Watch::Seconds seconds) {
    return std::chrono::duration_cast<Milliseconds>(seconds);
  };
  let_c10d_name_errors_alone();
  const bool holds = place.rank == 0 && !place.launcher_holds_store;
  try {
    const auto store = store_at(place, holds, milliseconds(timeout));
    auto group = group_of(place, store, device, milliseconds(timeout));
    auto collective =
        std::make_shared<GroupCollective>(std::move(group), device);
    // A store answers one call at a time.
    auto board = std::make_unique<StoreBoard>(
        store_at(place, false, milliseconds(silence)));
    return {std::move(collective), std::move(board)};
  } catch (const std::exception& error) {
    throw ConnectionError("rank " + std::to_string(place.rank) + " of " +
                          std::to_string(place.size) +
                          " did not meet the others at " + place.address + ":" +
                          std::to_string(place.port) +
                          " (MASTER_ADDR and "
                          "MASTER_PORT): " +
                          words_of(error));
  }
}

}  // namespace skipzoo

#else

namespace skipzoo {

bool has_gloo() { return false; }
bool has_nccl() { return false; }

Processes meet(const ProcessPlace& place, torch::Device, Watch::Seconds,
               Watch::Seconds) {
  throw ConfigError("several processes (" + std::to_string(place.size) +
                    " here) need a build with Gloo's headers (Debian: "
                    "libgloo-dev); this one has none");
}

}  // namespace skipzoo

#endif
