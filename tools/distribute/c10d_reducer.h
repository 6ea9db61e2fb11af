#pragma once

#include <c10/util/intrusive_ptr.h>

#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "tools/error.h"
#include "tools/train/collective.h"

namespace c10d {
class ProcessGroup;
}

namespace skipzoo {

/// c10d's words, without its trace of calls.
inline std::string words_of(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

/// Its errors as ConnectionError.
template <typename Call>
auto connected(const Call& call) {
  try {
    return call();
  } catch (const ConnectionError&) {
    throw;
  } catch (const std::exception& error) {
    throw ConnectionError(words_of(error));
  }
}

/// PyTorch's DistributedDataParallel without Python: gradients of some
/// megabytes at a time are averaged while the backward pass computes others.
std::unique_ptr<GradientReduction> bucketed_reduction(
    std::vector<torch::Tensor> parameters,
    const c10::intrusive_ptr<c10d::ProcessGroup>& group);

}  // namespace skipzoo
