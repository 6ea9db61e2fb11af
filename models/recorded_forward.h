#pragma once

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <functional>
#include <memory>
#include <utility>

#include "models/tensor.h"

namespace skipzoo {

/// A network's forward pass on images of one size, recorded when it has run
/// twice and launched as a whole from then on. What cannot be recorded goes on
/// running as it is.
///
/// Graph: CudaGraph, or what a test has in its place.
template <typename Graph>
class RecordedForward {
 public:
  using Forward = std::function<torch::Tensor(const torch::Tensor& images)>;

  /// forward: of images of `type`, channels-last; launches the same each time.
  /// graph: may be null, where nothing is recorded.
  RecordedForward(Forward forward, at::ScalarType type,
                  std::unique_ptr<Graph> graph)
      : forward_(std::move(forward)), type_(type), graph_(std::move(graph)) {}

  /// The same number of images of the same size each time. The result is the
  /// caller's: a later call does not write over it.
  torch::Tensor operator()(const torch::Tensor& images) {
    if (Graph::is_recording()) {
      // As of a teacher within a step: a part of what is recorded there, whose
      // memory is none of ours.
      return forward_(
          images.to(type_).contiguous(at::MemoryFormat::ChannelsLast));
    }
    if (!input_.defined()) {
      input_ = at::empty(images.sizes(), images.options().dtype(type_),
                         at::MemoryFormat::ChannelsLast);
    }
    input_.copy_(images);
    const auto work = [this] { output_ = forward_(input_); };
    if (graph_ && !graph_->is_recorded() && runs_ == kRunsBefore) record(work);
    if (!graph_) {
      work();
    } else if (graph_->is_recorded()) {
      graph_->replay();
    } else {
      ++runs_;
      graph_->run(work);
    }
    return output_.clone();
  }

  bool is_recorded() const { return graph_ && graph_->is_recorded(); }

 private:
  /// So that libraries have chosen their algorithms, and have their memory.
  static constexpr int kRunsBefore = 2;

  template <typename Work>
  void record(const Work& work) {
    try {
      graph_->record(work);
    } catch (const c10::Error&) {
      graph_.reset();
    }
  }

  Forward forward_;
  at::ScalarType type_;
  std::unique_ptr<Graph> graph_;
  int runs_ = 0;
  torch::Tensor input_, output_;  ///< Where the graph reads and writes.
};

}  // namespace skipzoo
