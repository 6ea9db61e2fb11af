#include "models/kernels/cuda/graph.h"

#ifdef SKIPZOO_CUDA
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Event.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#endif

#include <map>
#include <memory>
#include <mutex>

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

// Of this thread alone: others may load pictures into pinned memory.
constexpr auto kMode = cudaStreamCaptureModeThreadLocal;

/// Ends a capture that has failed. LibTorch's own end throws where CUDA says
/// that it is no good, and by then has told neither the allocator nor the
/// generator, which would refuse all that comes after; one of hardly anything,
/// which goes well, tells the latter.
void abandon(at::cuda::CUDAGraph& graph, c10::DeviceIndex device,
             c10::MempoolId_t pool) {
  try {
    return graph.capture_end();
  } catch (const c10::Error&) {
  }
  try {
    c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool);
    c10::cuda::CUDACachingAllocator::releasePool(device, pool);
  } catch (const c10::Error&) {
    // It had been told.
  }
  try {
    // Of pinned memory.
    auto* host = at::getHostAllocator(at::kCUDA);
    host->end_allocate_to_pool(pool);
    host->release_pool(pool);
  } catch (const c10::Error&) {
  }
  at::cuda::CUDAGraph other;
  other.capture_begin({0, 0}, kMode);
  at::zeros({1}, at::TensorOptions(at::Device(at::kCUDA, device)));
  other.capture_end();
}

/// One for all graphs of a device: for each stream LibTorch keeps memory for
/// cuBLAS to work in, for ever.
c10::cuda::CUDAStream recording_stream(c10::DeviceIndex device) {
  static std::mutex mutex;
  static std::map<c10::DeviceIndex, c10::cuda::CUDAStream> all;
  const std::lock_guard lock(mutex);
  const auto found = all.find(device);
  if (found != all.end()) return found->second;
  return all
      .emplace(device,
               c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device))
      .first->second;
}

thread_local bool recording = false;

/// That this thread records, while it lives.
struct Recording {
  Recording() { recording = true; }
  ~Recording() { recording = false; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
};

}  // namespace

struct CudaGraph::Recorded {
  explicit Recorded(c10::DeviceIndex device)
      : stream(recording_stream(device)) {}
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
  const c10::cuda::CUDAStreamGuard guard(recorded_->stream);
  // Memory that other streams still read is given back late, by events; none
  // may be asked after while a stream is captured.
  c10::cuda::device_synchronize();
  // A recording has memory of its own: what runs of the same work took, and
  // was given back, is room for it.
  c10::cuda::CUDACachingAllocator::emptyCache();
  const auto pool = at::cuda::graph_pool_handle();
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  graph->capture_begin(pool, kMode);
  try {
    const Recording now;
    work();
    graph->capture_end();
  } catch (...) {
    abandon(*graph, recorded_->stream.device_index(), pool);
    throw;
  }
  recorded_->graph = std::move(graph);
}

bool CudaGraph::is_recording() { return recording; }

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
bool CudaGraph::is_recording() { return false; }
void CudaGraph::replay() {}

#endif

}  // namespace skipzoo
