#include "tools/train/collective.h"

#include <torch/types.h>

#include <cstring>

namespace skipzoo {

namespace {

class SingleProcess : public Collective {
 public:
  int64_t rank() const override { return 0; }
  int64_t size() const override { return 1; }
  void sum(torch::Tensor&) override {}
  void broadcast(torch::Tensor&) override {}
  bool any(bool mine) override { return mine; }
};

class SumOfCollective : public StatisticsSum {
 public:
  SumOfCollective(std::shared_ptr<Collective> collective, torch::Device device)
      : collective_(std::move(collective)), device_(device) {}
  void sum(torch::Tensor& numbers) const override {
    if (numbers.device() == device_) return collective_->sum(numbers);
    auto there = numbers.to(device_);
    collective_->sum(there);
    numbers.copy_(there);
  }

 private:
  std::shared_ptr<Collective> collective_;
  torch::Device device_;
};

}  // namespace

StatisticsSumPtr statistics_sum(std::shared_ptr<Collective> collective,
                                torch::Device device) {
  if (collective->size() == 1) return {};
  return c10::make_intrusive<SumOfCollective>(std::move(collective), device);
}

std::string broadcast_text(Collective& collective, const std::string& text) {
  if (collective.size() == 1) return text;
  auto size = torch::full({}, static_cast<int64_t>(text.size()), torch::kLong);
  collective.broadcast(size);
  auto bytes = torch::zeros({size.item<int64_t>()}, torch::kByte);
  if (collective.rank() == 0) {
    std::memcpy(bytes.mutable_data_ptr<uint8_t>(), text.data(), text.size());
  }
  if (bytes.numel() > 0) collective.broadcast(bytes);
  const auto* first = bytes.const_data_ptr<uint8_t>();
  return {first, first + bytes.numel()};
}

std::shared_ptr<Collective> single_process() {
  return std::make_shared<SingleProcess>();
}

}  // namespace skipzoo
