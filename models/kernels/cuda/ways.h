#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "models/tensor.h"

namespace skipzoo {

/// What was found so far, for others that ask for the same: the weights change
/// from epoch to epoch, and the fastest way does not.
struct Search {
  std::mutex mutex;
  std::map<std::string, int64_t> chosen;
  /// For which cuDNN may still try its algorithms, instead of taking the one
  /// that it thinks best: some of those for fused operators are compiled first.
  double seconds_left = 10;
};

/// Several ways to compute the same on a GPU, of which the fastest is taken.
///
/// A library's fused kernel is none for some shapes and types, slower than its
/// parts for others, and may read memory that nobody wrote: so each is tried,
/// compared and timed once for a batch size, when that comes for the second
/// time: what comes once, such as a single picture, has no use for it. That
/// waits for the device: it must be over before a CUDA graph is recorded.
class Ways {
 public:
  /// z: what is added; null where nothing is.
  using Way = std::function<torch::Tensor(const torch::Tensor& x,
                                          const torch::Tensor& z)>;
  /// The first is right, and always there; the others may throw c10::Error.
  /// wait: for the device. name: of what is computed, alike for all that are
  /// alike but for the sizes of x. search: shared with others.
  Ways(std::vector<Way> ways, std::function<void()> wait, std::string name = {},
       std::shared_ptr<Search> search = std::make_shared<Search>());

  torch::Tensor operator()(const torch::Tensor& x, const torch::Tensor& z);
  /// Which is taken for a batch size; -1 where that is not known yet.
  int64_t chosen(int64_t batch) const;

 private:
  /// What is alike for all images of this size and type.
  std::string key_of(const torch::Tensor& x, const torch::Tensor& z) const;
  /// That which was chosen for such images before; -1 where nothing was.
  int64_t known(const torch::Tensor& x, const torch::Tensor& z) const;
  /// choose(), for others to know.
  int64_t find_out(const torch::Tensor& x, const torch::Tensor& z) const;
  size_t choose(const torch::Tensor& x, const torch::Tensor& z) const;
  /// Whether it gives what is expected, up to rounding.
  bool gives(const Way& way, const torch::Tensor& x, const torch::Tensor& z,
             const torch::Tensor& expected) const;
  double seconds_of(const Way& way, const torch::Tensor& x,
                    const torch::Tensor& z) const;

  std::vector<Way> ways_;
  std::function<void()> wait_;
  std::string name_;
  std::shared_ptr<Search> search_;
  std::map<int64_t, int64_t> chosen_;  ///< By the batch size; -1: seen once.
};

}  // namespace skipzoo
