#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "models/tensor.h"
#include "tools/weights/pickle.h"

namespace skipzoo {

/// Makes tensors of pickled ones. A storage is read when the first tensor in it
/// is made; all tensors in it share it then.
class TensorBuilder {
 public:
  /// The bytes of a storage, where they are.
  struct Stored {
    uint64_t size = 0;
    /// Fills memory of that size.
    std::function<void(std::span<uint8_t>)> read;
  };
  using Find = std::function<Stored(const Pickle& storage)>;

  /// How a file is to be read.
  struct Options {
    uint64_t file_size = 0;
    bool shapes_only = false;    ///< On the meta device; nothing is read.
    bool is_big_endian = false;  ///< The bytes of each number are turned.
  };
  TensorBuilder(Find find, const Options& options)
      : find_(std::move(find)), options_(options) {}

  /// Throws std::runtime_error where a tensor is not within its storage, or
  /// where all of them together are over kMostTimes the file's size: views that
  /// repeat their data could be written out to any number of bytes.
  torch::Tensor operator()(const Pickle& tensor);
  static constexpr uint64_t kMostTimes = 32;

 private:
  c10::Storage storage(const Pickle& pickled, at::ScalarType type,
                       const Stored& stored);

  Find find_;
  Options options_;
  uint64_t bytes_ = 0;  ///< Of the tensors so far, were they written out.
  std::map<std::pair<std::string, at::ScalarType>, c10::Storage> storages_;
};

/// The bytes of a storage, as its length and type say. Throws
/// std::runtime_error where these are more than are stored.
uint64_t require_stored(const Pickle& storage, uint64_t stored);
/// The number of a tensor's elements. Throws where its storage does, and where
/// it does not lie within that.
int64_t require_within(const Pickle& tensor, uint64_t stored);

}  // namespace skipzoo
