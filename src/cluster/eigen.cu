// Dense eigenproblems through cuSOLVER. The library is large and few commands need it, so it is loaded by the first
// that does, and a machine without it loses nothing else.
#include "eigen_device.h"

#include <dlfcn.h>

#include <memory>

#include "../tensor/cuda.cuh"

#if __has_include(<cusolverDn.h>)
#include <cusolverDn.h>

namespace parallax::cluster_detail {
namespace {

#define PLX_TEXT_OF(X) #X
#define PLX_TEXT(X) PLX_TEXT_OF(X)
constexpr const char* kLibrary = "libcusolver.so." PLX_TEXT(CUSOLVER_VER_MAJOR);

struct Library {
  decltype(&cusolverDnCreate) create = nullptr;
  decltype(&cusolverDnDestroy) destroy = nullptr;
  decltype(&cusolverDnSetStream) set_stream = nullptr;
  decltype(&cusolverDnDsyevdx_bufferSize) room = nullptr;
  decltype(&cusolverDnDsyevdx) solve = nullptr;
  std::string missing;

  Library() {
    void* l = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    const auto find = [&](auto& f, const char* name) {
      if (l) f = reinterpret_cast<std::remove_reference_t<decltype(f)>>(dlsym(l, name));
      if (!l || !f) {
        const char* why = dlerror();
        if (missing.empty()) missing = why ? why : std::string(kLibrary) + " cannot be used";
      }
    };
    find(create, "cusolverDnCreate");
    find(destroy, "cusolverDnDestroy");
    find(set_stream, "cusolverDnSetStream");
    find(room, "cusolverDnDsyevdx_bufferSize");
    find(solve, "cusolverDnDsyevdx");
  }
};

void solve(Context& ctx, const LargestEigenpairs& k) {
  static const Library library;
  cuda::CudaBackend& b = cuda::device_of(ctx);
  b.use();
  cusolverDnHandle_t started = nullptr;
  if (library.missing.empty() && library.create(&started) != CUSOLVER_STATUS_SUCCESS)
    *k.unavailable = "cuSOLVER does not start";
  if (!library.missing.empty()) *k.unavailable = library.missing;
  if (!k.unavailable->empty()) return;
  const std::unique_ptr<cusolverDnContext, decltype(library.destroy)> handle(started, library.destroy);
  const auto ok = [&](cusolverStatus_t status, const char* what) {
    if (status == CUSOLVER_STATUS_SUCCESS) return;
    b.host.fail(ErrorKind::cuda, (b.name() + ": " + what + " fails, status " + std::to_string(status)).c_str(),
                __FILE__, __LINE__);
  };
  ok(library.set_stream(started, b.stream()), "cusolverDnSetStream");
  const int n = static_cast<int>(k.n), first = n - static_cast<int>(k.count) + 1;
  int found = 0, room = 0, info = 0;
  ok(library.room(started, CUSOLVER_EIG_MODE_VECTOR, CUSOLVER_EIG_RANGE_I, CUBLAS_FILL_MODE_LOWER, n, k.a, n, 0, 0,
                  first, n, &found, k.values, &room),
     "cusolverDnDsyevdx_bufferSize");
  const auto free = [&](void* p) { b.release(p); };
  const size_t bytes = static_cast<size_t>(room) * sizeof(double);
  const std::unique_ptr<void, decltype(free)> work(b.allocate(bytes + sizeof(int)), free);
  int* state = reinterpret_cast<int*>(static_cast<double*>(work.get()) + room);
  ++b.counters.library;
  ok(library.solve(started, CUSOLVER_EIG_MODE_VECTOR, CUSOLVER_EIG_RANGE_I, CUBLAS_FILL_MODE_LOWER, n, k.a, n, 0, 0,
                   first, n, &found, k.values, static_cast<double*>(work.get()), room, state),
     "cusolverDnDsyevdx");
  b.download(&info, state, {sizeof info, 1, sizeof info, sizeof info});
  if (info != 0 || found != k.count)
    b.host.fail(ErrorKind::numeric,
                ("cuSOLVER found " + std::to_string(found) + " of " + std::to_string(k.count) + " eigenpairs of " +
                 std::to_string(n) + " rows, info " + std::to_string(info))
                    .c_str(),
                __FILE__, __LINE__);
}

#else

namespace parallax::cluster_detail {
namespace {

void solve(Context&, const LargestEigenpairs& k) { *k.unavailable = "this build was made without cuSOLVER"; }

#endif

const cuda::Twin largest{typeid(LargestEigenpairs),
                         [](Context& ctx, const void* k) { solve(ctx, *static_cast<const LargestEigenpairs*>(k)); }};

}  // namespace
}  // namespace parallax::cluster_detail
