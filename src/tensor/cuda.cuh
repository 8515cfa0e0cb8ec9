// Private to the CUDA module (.cu files): the device of one context, checked calls, the list of twins.
// Vendor calls that the module makes: the CUDA runtime (memory, streams, events, graphs, launches), cublasLt (matrix
// products with bias and ReLU epilogues), cuSOLVER (dense eigenproblems, loaded when needed), CUB (scans in kernels).
#pragma once
#include <cublasLt.h>
#include <cuda_runtime.h>

#include <map>
#include <typeinfo>

#include "backend.h"
#include "context.h"

namespace parallax::cuda {

struct Plan;  // of a matrix product, see gemm.cu

class CudaBackend final : public Backend {
 public:
  CudaBackend(int index, const ModuleHost& lent);
  ~CudaBackend() override;
  CudaBackend(const CudaBackend&) = delete;
  CudaBackend& operator=(const CudaBackend&) = delete;

  std::string name() const override { return name_; }
  void* allocate(size_t bytes) override;
  void release(void* p) noexcept override;
  size_t free_bytes() override;
  void upload(void* to, const void* from, const Rows& r) override;
  void download(void* to, const void* from, const Rows& r) override;
  void copy(void* to, const void* from, const Rows& r) override;
  void zero(void* p, size_t bytes) override;
  void synchronise() override;
  const uint32_t* step_counter() const override { return step_; }
  void advance_step() override;
  void set_step(uint32_t step) override;
  void begin_recording() override;
  std::shared_ptr<void> end_recording() override;
  void abandon_recording() noexcept override;
  void replay(void* recording) override;
  bool recording() const override { return recording_; }
  DeviceTwin twin(const char* type_name) const override;

  void use() const;  // the device of this thread's next calls
  cudaStream_t stream() const { return stream_; }
  int processors() const { return processors_; }
  // false with PARALLAX_CUDA_EPILOGUES=0: masks and bias gradients by our kernels
  bool library_epilogues() const { return library_epilogues_; }
  cublasLtHandle_t products();

  // Between fork and join, work on branches 0..n-1 may run at the same time; in a recorded step they become parallel
  // branches of its graph. Branch 0 is the stream itself. Each has a workspace of its own for products.
  struct Branch {
    cudaStream_t stream = nullptr;
    cudaEvent_t joined = nullptr;
    void* workspace = nullptr;
  };
  static constexpr int kBranches = 4;
  const Branch& branch(int i) const { return branches_[i]; }
  void fork(int n);
  void join(int n);

  // 0 and 1 in device memory, for products with device scalars; null for other numbers
  const float* constant(float x) const { return x == 0 ? constants_ : x == 1 ? constants_ + 1 : nullptr; }
  const double* constant(double x) const {
    const auto* d = reinterpret_cast<const double*>(constants_ + 2);
    return x == 0 ? d : x == 1 ? d + 1 : nullptr;
  }
  std::map<std::string, std::shared_ptr<Plan>> plans;  // by shape, pitch, alignment and epilogue
  ModuleHost host;
  static constexpr size_t kWorkspace = size_t{32} << 20;

 private:
  int index_;
  int processors_ = 0;
  bool recording_ = false, library_epilogues_ = true;
  std::string name_;
  cudaStream_t stream_ = nullptr;
  uint32_t* step_ = nullptr;
  float* constants_ = nullptr;  // 0 and 1 as float, then as double
  Branch branches_[kBranches];
  cublasLtHandle_t products_ = nullptr;
};

inline CudaBackend& device_of(Context& ctx) { return *static_cast<CudaBackend*>(ctx.backend()); }

void check(const CudaBackend& b, cudaError_t status, const char* what, const char* file, int line);
#define PLX_CUDA_OK(B, CALL) ::parallax::cuda::check(B, CALL, #CALL, __FILE__, __LINE__)

// Twins register themselves when the module is loaded.
struct Twin {
  Twin(const std::type_info& type, DeviceTwin run);
};

// The twin of K<T>: SHAPE(ctx, kernel).
#define PLX_TWIN_OF(K, T, SHAPE)                          \
  static const ::parallax::cuda::Twin plx_twin_##T##_##K{ \
      typeid(K<T>), [](Context& ctx, const void* k) { SHAPE(ctx, *static_cast<const K<T>*>(k)); }};

// After every launch: counts it and throws its error.
inline void launched(CudaBackend& b, const char* file, int line) {
  ++b.counters.launches;
  check(b, cudaGetLastError(), "kernel launch", file, line);
}
#define PLX_LAUNCHED(B) ::parallax::cuda::launched(B, __FILE__, __LINE__)

}  // namespace parallax::cuda
