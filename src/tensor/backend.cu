// The CUDA device of one context: memory, copies, recorded steps; and the module's entry.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "cuda.cuh"

namespace parallax::cuda {

namespace {
std::unordered_map<std::string, DeviceTwin>& twins() {
  static std::unordered_map<std::string, DeviceTwin> list;
  return list;
}
__global__ void add_one(uint32_t* p) { ++*p; }

// How many nodes of a graph are equally far from its beginning, at most.
cudaError_t width_of(cudaGraph_t graph, uint64_t* width) {
  size_t nodes = 0, edges = 0;
  cudaError_t status = cudaGraphGetNodes(graph, nullptr, &nodes);
#if CUDART_VERSION >= 13000
  const auto get_edges = [&](cudaGraphNode_t* f, cudaGraphNode_t* t) {
    return cudaGraphGetEdges(graph, f, t, nullptr, &edges);
  };
#else
  const auto get_edges = [&](cudaGraphNode_t* f, cudaGraphNode_t* t) { return cudaGraphGetEdges(graph, f, t, &edges); };
#endif
  if (status == cudaSuccess) status = get_edges(nullptr, nullptr);
  std::vector<cudaGraphNode_t> node(nodes), from(edges), to(edges);
  if (status == cudaSuccess) status = cudaGraphGetNodes(graph, node.data(), &nodes);
  if (status == cudaSuccess && edges) status = get_edges(from.data(), to.data());
  if (status != cudaSuccess) return status;
  std::unordered_map<cudaGraphNode_t, size_t> waits_for;
  std::unordered_multimap<cudaGraphNode_t, cudaGraphNode_t> next;
  for (size_t i = 0; i < edges; ++i) {
    ++waits_for[to[i]];
    next.emplace(from[i], to[i]);
  }
  std::erase_if(node, [&](cudaGraphNode_t one) { return waits_for.count(one) != 0; });
  for (*width = 0; !node.empty();) {
    *width = node.size() > *width ? node.size() : *width;
    std::vector<cudaGraphNode_t> after;
    for (const cudaGraphNode_t one : node) {
      const auto [begin, end] = next.equal_range(one);
      for (auto edge = begin; edge != end; ++edge)
        if (--waits_for[edge->second] == 0) after.push_back(edge->second);
    }
    node = std::move(after);
  }
  return cudaSuccess;
}
}  // namespace

Twin::Twin(const std::type_info& type, DeviceTwin run) { twins()[type.name()] = run; }

void check(const CudaBackend& b, cudaError_t status, const char* what, const char* file, int line) {
  if (status == cudaSuccess) return;
  const bool memory = status == cudaErrorMemoryAllocation;
  std::string text = b.name() + ": " + cudaGetErrorString(status) + " in " + what;
  if (memory) text += "; a smaller batch (--set batch=...) or --device cpu needs less of it";
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction)
    text += "; this build has no code for this card, build with -DCMAKE_CUDA_ARCHITECTURES for it or use --device cpu";
  b.host.fail(memory ? ErrorKind::memory : ErrorKind::cuda, text.c_str(), file, line);
}

CudaBackend::CudaBackend(int index, const ModuleHost& lent) : host(lent), index_(index) {
  name_ = "cuda:" + std::to_string(index);
  int count = 0;
  const cudaError_t there = cudaGetDeviceCount(&count);
  if (there != cudaSuccess)
    host.fail(ErrorKind::device,
              (std::string("no CUDA device can be used: ") + cudaGetErrorString(there) + "; use --device cpu").c_str(),
              __FILE__, __LINE__);
  if (index < 0 || index >= count)
    host.fail(ErrorKind::device,
              (name_ + " does not exist, there are " + std::to_string(count) + " CUDA devices").c_str(), __FILE__,
              __LINE__);
  use();
  cudaDeviceProp p{};
  PLX_CUDA_OK(*this, cudaGetDeviceProperties(&p, index));
  processors_ = p.multiProcessorCount;
  char line[400];
  std::snprintf(line, sizeof line, "cuda:%d %s (compute capability %d.%d, %.1f GB)", index, p.name, p.major, p.minor,
                static_cast<double>(p.totalGlobalMem) / 1e9);
  name_ = line;
  PLX_CUDA_OK(*this, cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  branches_[0].stream = stream_;
  const char* epilogues = std::getenv("PARALLAX_CUDA_EPILOGUES");
  library_epilogues_ = !epilogues || std::strcmp(epilogues, "0") != 0;
  step_ = static_cast<uint32_t*>(allocate(sizeof(uint32_t)));
  constants_ = static_cast<float*>(allocate(24));
  const struct {
    float f[2] = {0, 1};
    double d[2] = {0, 1};
  } zero_and_one;
  upload(constants_, &zero_and_one, {24, 1, 24, 24});
}

CudaBackend::~CudaBackend() {
  cudaSetDevice(index_);
  plans.clear();
  if (stream_) cudaStreamSynchronize(stream_);
  if (products_) cublasLtDestroy(products_);
  for (const Branch& one : branches_) {
    if (one.workspace) cudaFree(one.workspace);
    if (one.joined) cudaEventDestroy(one.joined);
    if (one.stream && one.stream != stream_) cudaStreamDestroy(one.stream);
  }
  if (step_) cudaFree(step_);
  if (constants_) cudaFree(constants_);
  if (stream_) cudaStreamDestroy(stream_);
}

void CudaBackend::fork(int n) {
  for (int i = 0; i < n; ++i) {  // made in the steps before the first recording
    Branch& one = branches_[i];
    if (!one.workspace) one.workspace = allocate(kWorkspace);
    if (!one.joined) PLX_CUDA_OK(*this, cudaEventCreateWithFlags(&one.joined, cudaEventDisableTiming));
    if (!one.stream) PLX_CUDA_OK(*this, cudaStreamCreateWithFlags(&one.stream, cudaStreamNonBlocking));
  }
  if (n < 2) return;
  PLX_CUDA_OK(*this, cudaEventRecord(branches_[0].joined, stream_));
  for (int i = 1; i < n; ++i) PLX_CUDA_OK(*this, cudaStreamWaitEvent(branches_[i].stream, branches_[0].joined, 0));
}
void CudaBackend::join(int n) {
  for (int i = 1; i < n; ++i) {
    PLX_CUDA_OK(*this, cudaEventRecord(branches_[i].joined, branches_[i].stream));
    PLX_CUDA_OK(*this, cudaStreamWaitEvent(stream_, branches_[i].joined, 0));
  }
}

void CudaBackend::use() const { check(*this, cudaSetDevice(index_), "cudaSetDevice", __FILE__, __LINE__); }

void* CudaBackend::allocate(size_t bytes) {
  if (recording_) host.fail(ErrorKind::internal, "memory was asked for inside a recorded step", __FILE__, __LINE__);
  use();
  void* p = nullptr;
  const cudaError_t status = cudaMalloc(&p, bytes);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    char text[300];
    std::snprintf(text, sizeof text,
                  "%s: out of memory, %.1f MB were asked for and %.1f MB are free; a smaller batch (--set batch=...), "
                  "fewer --jobs or --device cpu help",
                  name_.c_str(), static_cast<double>(bytes) / 1e6, static_cast<double>(free_bytes()) / 1e6);
    host.fail(ErrorKind::memory, text, __FILE__, __LINE__);
  }
  check(*this, status, "cudaMalloc", __FILE__, __LINE__);
  ++counters.allocations;
  PLX_CUDA_OK(*this, cudaMemsetAsync(p, 0, bytes, stream_));
  return p;
}
void CudaBackend::release(void* p) noexcept {
  cudaSetDevice(index_);
  cudaFree(p);
}
size_t CudaBackend::free_bytes() {
  use();
  size_t free = 0, total = 0;
  PLX_CUDA_OK(*this, cudaMemGetInfo(&free, &total));
  return free;
}

void CudaBackend::upload(void* to, const void* from, const Rows& r) {
  if (recording_) host.fail(ErrorKind::internal, "a copy from the host inside a recorded step", __FILE__, __LINE__);
  use();
  ++counters.copies;
  // pageable memory: the source has been read when the call returns
  PLX_CUDA_OK(*this,
              cudaMemcpy2DAsync(to, r.to_pitch, from, r.from_pitch, r.width, r.rows, cudaMemcpyHostToDevice, stream_));
}
void CudaBackend::download(void* to, const void* from, const Rows& r) {
  if (recording_) host.fail(ErrorKind::internal, "a copy to the host inside a recorded step", __FILE__, __LINE__);
  use();
  ++counters.copies;
  PLX_CUDA_OK(*this,
              cudaMemcpy2DAsync(to, r.to_pitch, from, r.from_pitch, r.width, r.rows, cudaMemcpyDeviceToHost, stream_));
  synchronise();
}
void CudaBackend::copy(void* to, const void* from, const Rows& r) {
  use();
  PLX_CUDA_OK(
      *this, cudaMemcpy2DAsync(to, r.to_pitch, from, r.from_pitch, r.width, r.rows, cudaMemcpyDeviceToDevice, stream_));
}
void CudaBackend::zero(void* p, size_t bytes) {
  use();
  if (bytes) PLX_CUDA_OK(*this, cudaMemsetAsync(p, 0, bytes, stream_));
}
void CudaBackend::synchronise() {
  use();
  ++counters.synchronisations;
  PLX_CUDA_OK(*this, cudaStreamSynchronize(stream_));
}

void CudaBackend::advance_step() {
  use();
  add_one<<<1, 1, 0, stream_>>>(step_);
  PLX_LAUNCHED(*this);
}
void CudaBackend::set_step(uint32_t step) { upload(step_, &step, {sizeof step, 1, sizeof step, sizeof step}); }

void CudaBackend::begin_recording() {
  use();
  PLX_CUDA_OK(*this, cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  recording_ = true;
}
std::shared_ptr<void> CudaBackend::end_recording() {
  recording_ = false;
  cudaGraph_t graph = nullptr;
  PLX_CUDA_OK(*this, cudaStreamEndCapture(stream_, &graph));
  cudaGraphExec_t exec = nullptr;
  const cudaError_t counted = width_of(graph, &counters.branches);
  const cudaError_t status = cudaGraphInstantiate(&exec, graph, 0);
  cudaGraphDestroy(graph);
  check(*this, status, "cudaGraphInstantiate", __FILE__, __LINE__);
  const std::shared_ptr<void> recording(exec, [](void* e) { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(e)); });
  check(*this, counted, "cudaGraphGetEdges", __FILE__, __LINE__);
  return recording;
}
void CudaBackend::abandon_recording() noexcept {
  recording_ = false;
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(stream_, &graph);
  if (graph) cudaGraphDestroy(graph);
  (void)cudaGetLastError();
}
void CudaBackend::replay(void* recording) {
  use();
  ++counters.replays;
  PLX_CUDA_OK(*this, cudaGraphLaunch(static_cast<cudaGraphExec_t>(recording), stream_));
}

DeviceTwin CudaBackend::twin(const char* type_name) const {
  const auto at = twins().find(type_name);
  return at == twins().end() ? nullptr : at->second;
}

namespace {
std::shared_ptr<Backend> open(int index, const ModuleHost& host) { return std::make_shared<CudaBackend>(index, host); }

DeviceList list() {
  DeviceList l;
  int runtime = 0, driver = 0, count = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  char line[400];
  std::snprintf(line, sizeof line, "CUDA runtime %d.%d", runtime / 1000, runtime % 1000 / 10);
  l.libraries.push_back(line);
  if (driver) {
    std::snprintf(line, sizeof line, "CUDA driver for %d.%d", driver / 1000, driver % 1000 / 10);
    l.libraries.push_back(line);
  }
  const size_t lt = cublasLtGetVersion();
  std::snprintf(line, sizeof line, "cublasLt %zu.%zu.%zu", lt / 10000, lt % 10000 / 100, lt % 100);
  l.libraries.push_back(line);
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    l.why_none =
        std::string("no CUDA device: ") + (status == cudaSuccess ? "none is installed" : cudaGetErrorString(status));
    return l;
  }
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp p{};
    if (cudaGetDeviceProperties(&p, i) != cudaSuccess) continue;
    std::snprintf(line, sizeof line, "cuda:%d %s (compute capability %d.%d, %.1f GB)", i, p.name, p.major, p.minor,
                  static_cast<double>(p.totalGlobalMem) / 1e9);
    l.devices.push_back(line);
  }
  return l;
}
}  // namespace
}  // namespace parallax::cuda

extern "C" __attribute__((visibility("default"))) const parallax::DeviceModule parallax_device_module;
const parallax::DeviceModule parallax_device_module = {parallax::kModuleVersion, &parallax::cuda::open,
                                                       &parallax::cuda::list};
