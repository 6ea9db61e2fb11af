#include "models/kernels/cuda/graph.h"

#ifdef SKIPZOO_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#endif

#include <memory>

namespace skipzoo {

#ifdef SKIPZOO_CUDA

namespace {

/// `later` waits for all that `earlier` has been given so far.
void wait_for(const c10::cuda::CUDAStream& earlier,
              const c10::cuda::CUDAStream& later) {
  c10::Event event(c10::DeviceType::CUDA);
  event.record(earlier);
  event.block(later);
}

}  // namespace

struct CudaGraph::Recorded {
  explicit Recorded(c10::DeviceIndex device)
      : stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)) {
  }
  /// Calls what it is given with `stream` as the current one, behind what was
  /// asked of the device before and before what comes after.
  template <typename F>
  void aside(const F& call) {
    const auto before = c10::cuda::getCurrentCUDAStream(stream.device_index());
    wait_for(before, stream);
    {
      const c10::cuda::CUDAStreamGuard guard(stream);
      call();
    }
    wait_for(stream, before);
  }
  // No other may be the current one of a capture, nor may the default one.
  c10::cuda::CUDAStream stream;
  std::unique_ptr<at::cuda::CUDAGraph> graph;
};

bool CudaGraph::is_available(torch::Device device) { return device.is_cuda(); }

CudaGraph::CudaGraph(torch::Device device) {
  TORCH_CHECK(is_available(device), "no CUDA graph on ", device);
  recorded_ = std::make_unique<Recorded>(
      device.has_index() ? device.index() : c10::cuda::current_device());
}

CudaGraph::~CudaGraph() = default;

void CudaGraph::run(const std::function<void()>& work) {
  recorded_->aside(work);
}

void CudaGraph::record(const std::function<void()>& work) {
  recorded_->graph.reset();
  // Memory that other streams still read is given back late, by events; none
  // may be asked after while a stream is captured.
  c10::cuda::device_synchronize();
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  {
    const c10::cuda::CUDAStreamGuard guard(recorded_->stream);
    // Of this thread alone: others may load pictures into pinned memory.
    graph->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      try {
        graph->capture_end();
      } catch (const c10::Error&) {
        // It says again, and by then nobody else, that the capture is no good.
      }
      throw;
    }
    graph->capture_end();
  }
  recorded_->graph = std::move(graph);
}

bool CudaGraph::is_recorded() const { return recorded_->graph != nullptr; }

void CudaGraph::replay() {
  TORCH_CHECK(is_recorded(), "nothing was recorded");
  recorded_->aside([&] { recorded_->graph->replay(); });
}

#else

struct CudaGraph::Recorded {};

bool CudaGraph::is_available(torch::Device) { return false; }
CudaGraph::CudaGraph(torch::Device device) {
  TORCH_CHECK(false, "no CUDA graph on ", device, ": this build has none");
}
CudaGraph::~CudaGraph() = default;
void CudaGraph::run(const std::function<void()>&) {}
void CudaGraph::record(const std::function<void()>&) {}
bool CudaGraph::is_recorded() const { return false; }
void CudaGraph::replay() {}

#endif

}  // namespace skipzoo
