// Matrix products through cublasLt: bias and ReLU as its epilogues, runs of equal products as one strided batch,
// unequal ones side by side, other activations by one pass behind. A row-major C = A B is the column-major C^T = B^T
// A^T, so the operands change places.
#include <cstring>
#include <string>

#include "cuda.cuh"
#include "gemm.h"

namespace parallax::cuda {

struct Plan {
  cublasLtMatmulDesc_t op = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  cublasLtMatmulAlgo_t algo{};
  bool bare = false;  // the library has no such epilogue for this product: mask and bias gradient by a kernel behind it
  ~Plan() {
    if (c) cublasLtMatrixLayoutDestroy(c);
    if (b) cublasLtMatrixLayoutDestroy(b);
    if (a) cublasLtMatrixLayoutDestroy(a);
    if (op) cublasLtMatmulDescDestroy(op);
  }
};

cublasLtHandle_t CudaBackend::products() {
  if (products_) return products_;
  if (cublasLtCreate(&products_) != CUBLAS_STATUS_SUCCESS)
    host.fail(ErrorKind::cuda, (name_ + ": cublasLt does not start").c_str(), __FILE__, __LINE__);
  return products_;
}

namespace {

void ok(const CudaBackend& b, cublasStatus_t status, const char* what, const std::string& shape, int line) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  b.host.fail(
      ErrorKind::cuda,
      (b.name() + ": " + what + " of a product " + shape + " fails: " + cublasLtGetStatusString(status)).c_str(),
      __FILE__, line);
}
#define PLX_LT_OK(CALL) ok(b, CALL, #CALL, describe(q), __LINE__)

int alignment(const void* p) {
  const auto at = reinterpret_cast<uintptr_t>(p);
  int a = 256;
  while (at % static_cast<uintptr_t>(a)) a /= 2;
  return a;
}

// Everything that the choice of an algorithm may depend on, as bytes.
struct Key {
  int64_t m, n, k, lda, ldb, ldc, batch, stride_a, stride_b, stride_c, stride_bias, mask_ld, stride_mask;
  int size, ta, tb, epilogue, keeps, device_scalars, align_a, align_b, align_c, align_bias;
};
template <class T> std::string describe(const Product<T>& q) {
  return std::to_string(q.m()) + " x " + std::to_string(q.k()) + " x " + std::to_string(q.n());
}

template <class T> bool alike(const Product<T>& p, const Product<T>& q) {
  return p.m() == q.m() && p.n() == q.n() && p.k() == q.k() && p.ta == q.ta && p.tb == q.tb && p.a.ld == q.a.ld &&
         p.b.ld == q.b.ld && p.c.ld == q.c.ld && p.alpha == q.alpha && p.beta == q.beta && p.alpha_by == q.alpha_by &&
         p.act == q.act && p.slope == q.slope && !p.bias == !q.bias && !p.relu_mask == !q.relu_mask &&
         p.mask_ld == q.mask_ld && !p.bias_grad == !q.bias_grad;
}
// How many products from `first` on have the shape and the spacing of a strided batch.
template <class T> int64_t run_length(const Product<T>* first, int64_t left) {
  int64_t n = 1;
  while (n < left && alike(first[0], first[n])) {
    if (n > 1) {
      const auto even = [&](auto member) {
        return member(first[n]) - member(first[n - 1]) == member(first[1]) - member(first[0]);
      };
      if (!even([](const Product<T>& q) { return q.a.p; }) || !even([](const Product<T>& q) { return q.b.p; }) ||
          !even([](const Product<T>& q) { return static_cast<const T*>(q.c.p); }) ||
          (first->bias && !even([](const Product<T>& q) { return q.bias; })) ||
          (first->relu_mask && !even([](const Product<T>& q) { return q.relu_mask; })) ||
          (first->bias_grad && !even([](const Product<T>& q) { return q.bias_grad; })))
        break;
    } else if (first[1].c.p <= first[0].c.p || first[1].a.p < first[0].a.p || first[1].b.p < first[0].b.p ||
               (first->bias && first[1].bias < first[0].bias) ||
               (first->relu_mask && first[1].relu_mask <= first[0].relu_mask) ||
               (first->bias_grad && first[1].bias_grad <= first[0].bias_grad)) {
      break;  // strides are not negative
    }
    ++n;
  }
  return n;
}

// c = act(c + bias); for what has no epilogue, and for products over nothing
template <class T> struct Finish {
  Mat<T> c;
  const T* bias;
  Act act;
  T slope, beta;
  bool scaled;  // c holds what was there before: times beta first
};
template <class T> __global__ void finish(const Finish<T> f) {
  const int64_t count = f.c.rows * f.c.cols, stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t t = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; t < count; t += stride) {
    const int64_t j = t % f.c.cols;
    T* at = f.c.row(t / f.c.cols) + j;
    T x = f.scaled ? (f.beta == T(0) ? T(0) : f.beta * *at) : *at;
    if (f.bias) x += f.bias[j];
    switch (f.act) {
      case Act::none: break;
      case Act::relu: x = fn::relu(x); break;
      case Act::leaky: x = x > 0 ? x : f.slope * x; break;
      case Act::sigmoid: x = fn::sigmoid(x); break;
      case Act::tanh: x = fn::tanh(x); break;
    }
    *at = x;
  }
}
template <class T>
void finish_product(CudaBackend& b, cudaStream_t stream, const Product<T>& q, bool scaled, bool with_bias) {
  const Finish<T> f{q.c, with_bias ? q.bias : nullptr, q.act, q.slope, q.beta, scaled};
  const int64_t blocks = (q.m() * q.n() + 255) / 256, most = static_cast<int64_t>(b.processors()) * 16;
  finish<<<static_cast<unsigned>(blocks < most ? blocks : most), 256, 0, stream>>>(f);
  PLX_LAUNCHED(b);
}

// What the library did not do: the mask of c, a bit an entry, least first; or the mask applied and c's column sums.
__global__ void write_mask(const Mat<const float> c, uint8_t* mask, int64_t bytes) {
  const int64_t count = c.rows * bytes, stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t t = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; t < count; t += stride) {
    const int64_t first = t % bytes * 8;
    const float* x = c.row(t / bytes);
    unsigned bits = 0;
    for (int j = 0; j < 8; ++j)
      if (first + j < c.cols && x[first + j] > 0) bits |= 1u << j;
    mask[t] = static_cast<uint8_t>(bits);
  }
}
template <bool masked>
__global__ void columns_behind(const Mat<float> c, const uint8_t* mask, int64_t bytes, float* out) {
  __shared__ float parts[8][32];
  const int64_t j = static_cast<int64_t>(blockIdx.x) * 32 + threadIdx.x;
  float sum = 0;
  for (int64_t i = threadIdx.y; i < c.rows && j < c.cols; i += 8) {
    float* at = c.row(i) + j;
    const bool pass = !masked || (mask[i * bytes + j / 8] >> (j % 8) & 1);
    if (masked && !pass) *at = 0;
    sum += pass ? *at : 0;
  }
  parts[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y || j >= c.cols) return;
  for (int s = 1; s < 8; ++s) sum += parts[s][threadIdx.x];
  out[j] = sum;
}
void bare_epilogue(CudaBackend& b, cudaStream_t stream, const Product<float>& q) {
  const int64_t bytes = q.mask_ld / 8;
  if (!q.bias_grad) {
    write_mask<<<static_cast<unsigned>((q.m() * bytes + 255) / 256), 256, 0, stream>>>(q.c, q.relu_mask, bytes);
  } else {
    const auto columns = [](int64_t n) { return static_cast<unsigned>((n + 31) / 32); };
    const dim3 threads(32, 8);
    if (q.relu_mask) {
      columns_behind<true><<<columns(q.n()), threads, 0, stream>>>(q.c, q.relu_mask, bytes, q.bias_grad);
    } else {
      const Mat<float> a{const_cast<float*>(q.a.p), q.a.rows, q.a.cols, q.a.ld};  // only read
      columns_behind<false><<<columns(q.m()), threads, 0, stream>>>(a, nullptr, 0, q.bias_grad);
    }
  }
  PLX_LAUNCHED(b);
}
void bare_epilogue(CudaBackend&, cudaStream_t, const Product<double>&) {}  // see epilogues()

template <class T> __global__ void scalars(T alpha, const T* by, T beta, T* out) {
  out[0] = alpha * *by;
  out[1] = beta;
}

// What is left of an epilogue without mask and bias gradient.
cublasLtEpilogue_t plain_of(cublasLtEpilogue_t e) {
  switch (e) {
    case CUBLASLT_EPILOGUE_RELU_AUX: return CUBLASLT_EPILOGUE_RELU;
    case CUBLASLT_EPILOGUE_RELU_AUX_BIAS: return CUBLASLT_EPILOGUE_RELU_BIAS;
    case CUBLASLT_EPILOGUE_DRELU_BGRAD:
    case CUBLASLT_EPILOGUE_BGRADB: return CUBLASLT_EPILOGUE_DEFAULT;
    default: return e;
  }
}

// The plan with this epilogue; null where the library has none.
template <class T>
std::shared_ptr<Plan> make_plan(CudaBackend& b, const Product<T>& q, const Key& key, cublasLtEpilogue_t epilogue) {
  const auto p = std::make_shared<Plan>();
  const cudaDataType_t type = sizeof(T) == 4 ? CUDA_R_32F : CUDA_R_64F;
  PLX_LT_OK(cublasLtMatmulDescCreate(&p->op, sizeof(T) == 4 ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_64F, type));
  const auto set = [&](cublasLtMatmulDescAttributes_t a, const auto& v) {
    PLX_LT_OK(cublasLtMatmulDescSetAttribute(p->op, a, &v, sizeof v));
  };
  const cublasOperation_t yes = CUBLAS_OP_T, no = CUBLAS_OP_N;
  set(CUBLASLT_MATMUL_DESC_TRANSA, key.tb ? yes : no);
  set(CUBLASLT_MATMUL_DESC_TRANSB, key.ta ? yes : no);
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
  if (key.device_scalars) set(CUBLASLT_MATMUL_DESC_POINTER_MODE, CUBLASLT_POINTER_MODE_DEVICE);
  if (key.align_bias) {
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(q.bias_grad ? q.bias_grad : q.bias));
    if (key.batch > 1) set(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, key.stride_bias);
  }
  if (key.mask_ld) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, static_cast<const void*>(q.relu_mask));
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, key.mask_ld);
    if (key.batch > 1) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE, key.stride_mask);
  }
  const auto layout = [&](cublasLtMatrixLayout_t* l, uint64_t rows, uint64_t cols, int64_t ld, int64_t stride) {
    PLX_LT_OK(cublasLtMatrixLayoutCreate(l, type, rows, cols, ld));
    if (key.batch == 1) return;
    const int32_t batch = static_cast<int32_t>(key.batch);
    PLX_LT_OK(cublasLtMatrixLayoutSetAttribute(*l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch));
    PLX_LT_OK(
        cublasLtMatrixLayoutSetAttribute(*l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride));
  };
  const auto u = [](int64_t x) { return static_cast<uint64_t>(x); };
  layout(&p->a, u(key.tb ? key.k : key.n), u(key.tb ? key.n : key.k), key.ldb, key.stride_b);
  layout(&p->b, u(key.ta ? key.m : key.k), u(key.ta ? key.k : key.m), key.lda, key.stride_a);
  layout(&p->c, u(key.n), u(key.m), key.ldc, key.stride_c);

  cublasLtMatmulPreference_t wish = nullptr;
  PLX_LT_OK(cublasLtMatmulPreferenceCreate(&wish));
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t a, const auto& v) {
    cublasLtMatmulPreferenceSetAttribute(wish, a, &v, sizeof v);
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, CudaBackend::kWorkspace);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<uint32_t>(key.align_b));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<uint32_t>(key.align_a));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<uint32_t>(key.align_c));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<uint32_t>(key.align_c));
  // no algorithm that adds up pieces in an order of its own (atomics): the same bits in every run
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
         static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_MASK & ~CUBLASLT_REDUCTION_SCHEME_INPLACE));
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(b.products(), p->op, p->a, p->b, p->c, p->c, wish, 1, &found, &count);
  cublasLtMatmulPreferenceDestroy(wish);
  if (epilogue != plain_of(epilogue) && (status == CUBLAS_STATUS_NOT_SUPPORTED || count == 0)) return nullptr;
  ok(b, status, "choosing an algorithm", describe(q), __LINE__);
  if (count == 0) ok(b, CUBLAS_STATUS_NOT_SUPPORTED, "choosing an algorithm", describe(q), __LINE__);
  p->algo = found.algo;
  return p;
}

template <class T> Plan& plan(CudaBackend& b, const Product<T>& q, const Key& key) {
  std::shared_ptr<Plan>& slot = b.plans[std::string(reinterpret_cast<const char*>(&key), sizeof key)];
  if (slot) return *slot;
  const auto epilogue = static_cast<cublasLtEpilogue_t>(key.epilogue), plain = plain_of(epilogue);
  if (epilogue == plain || b.library_epilogues()) slot = make_plan(b, q, key, epilogue);
  if (!slot) {
    Key without = key;
    without.mask_ld = without.stride_mask = 0;
    if (!q.bias) without.align_bias = 0;
    slot = make_plan(b, q, without, plain);
    slot->bare = true;
  }
  return *slot;
}

template <class T>
void one_call(Context& ctx, CudaBackend& b, const CudaBackend::Branch& branch, const Product<T>* list, int64_t batch) {
  const Product<T>& q = *list;
  if (q.m() == 0 || q.n() == 0) return;
  if (q.k() == 0) {
    for (int64_t i = 0; i < batch; ++i) finish_product(b, branch.stream, list[i], true, true);
    return;
  }
  // double precision, which only proofs use, has no epilogues in the library
  const bool fused = sizeof(T) == 4 && (q.act == Act::none || q.act == Act::relu);
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  if (fused && q.act == Act::relu && q.relu_mask)
    epilogue = q.bias ? CUBLASLT_EPILOGUE_RELU_AUX_BIAS : CUBLASLT_EPILOGUE_RELU_AUX;
  else if (fused && q.act == Act::relu)
    epilogue = q.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
  else if (fused && q.bias_grad)
    epilogue = q.relu_mask ? CUBLASLT_EPILOGUE_DRELU_BGRAD : CUBLASLT_EPILOGUE_BGRADB;
  else if (fused && q.bias)
    epilogue = CUBLASLT_EPILOGUE_BIAS;
  const auto bias_of = [](const Product<T>& one) -> const T* { return one.bias_grad ? one.bias_grad : one.bias; };
  const bool bias = fused && bias_of(q);
  Key key;
  std::memset(&key, 0, sizeof key);
  key.m = q.m(), key.n = q.n(), key.k = q.k();
  key.lda = q.a.ld, key.ldb = q.b.ld, key.ldc = q.c.ld;
  key.batch = batch;
  if (batch > 1) {
    key.stride_a = list[1].a.p - list[0].a.p, key.stride_b = list[1].b.p - list[0].b.p;
    key.stride_c = list[1].c.p - list[0].c.p, key.stride_bias = bias ? bias_of(list[1]) - bias_of(list[0]) : 0;
    key.stride_mask = q.relu_mask ? (list[1].relu_mask - list[0].relu_mask) * 8 : 0;
  }
  key.mask_ld = q.relu_mask ? q.mask_ld : 0;
  key.size = sizeof(T), key.ta = q.ta, key.tb = q.tb, key.epilogue = epilogue;
  key.keeps = q.beta != T(0), key.device_scalars = q.alpha_by != nullptr;
  const auto aligned = [&](const T* p, int64_t stride) {
    const int one = alignment(p), other = batch > 1 ? alignment(p + stride) : 256;
    return one < other ? one : other;
  };
  key.align_a = aligned(q.a.p, key.stride_a), key.align_b = aligned(q.b.p, key.stride_b);
  key.align_c = aligned(q.c.p, key.stride_c), key.align_bias = bias ? aligned(bias_of(q), key.stride_bias) : 0;
  Plan& p = plan(b, q, key);
  if (bias && !(p.bare && q.bias_grad)) {
    const void* at = bias_of(q);
    PLX_LT_OK(cublasLtMatmulDescSetAttribute(p.op, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &at, sizeof at));
  }
  if (q.relu_mask && !p.bare) {
    const void* at = q.relu_mask;
    PLX_LT_OK(cublasLtMatmulDescSetAttribute(p.op, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, &at, sizeof at));
  }
  const T *alpha = &q.alpha, *beta = &q.beta;
  if (q.alpha_by && q.alpha == T(1) && b.constant(q.beta)) {
    alpha = q.alpha_by;
    beta = b.constant(q.beta);
  } else if (q.alpha_by) {
    T* both = static_cast<T*>(b.host.scratch(ctx, 2 * sizeof(T)));
    scalars<<<1, 1, 0, branch.stream>>>(q.alpha, q.alpha_by, q.beta, both);
    PLX_LAUNCHED(b);
    alpha = both;
    beta = both + 1;
  }
  ++b.counters.library;
  PLX_LT_OK(cublasLtMatmul(b.products(), p.op, alpha, q.b.p, p.a, q.a.p, p.b, beta, q.c.p, p.c, q.c.p, p.c, &p.algo,
                           branch.workspace, CudaBackend::kWorkspace, branch.stream));
  if (p.bare)
    for (int64_t i = 0; i < batch; ++i) bare_epilogue(b, branch.stream, list[i]);
  if (!fused && (q.bias || q.act != Act::none))
    for (int64_t i = 0; i < batch; ++i) finish_product(b, branch.stream, list[i], false, true);
}

template <class T> void products(Context& ctx, const void* kernel) {
  const auto& k = *static_cast<const Products<T>*>(kernel);
  CudaBackend& b = device_of(ctx);
  b.use();
  b.products();
  int64_t calls = 0;
  for (int64_t i = 0; i < k.n; ++calls) i += run_length(k.list + i, k.n - i);
  const int n = static_cast<int>(calls < CudaBackend::kBranches ? calls : CudaBackend::kBranches);
  b.fork(n);
  for (int64_t i = 0, call = 0; i < k.n; ++call) {
    const int64_t batch = run_length(k.list + i, k.n - i);
    one_call(ctx, b, b.branch(static_cast<int>(call % n)), k.list + i, batch);
    i += batch;
  }
  b.join(n);
}
const Twin products_f32{typeid(Products<float>), &products<float>};
const Twin products_f64{typeid(Products<double>), &products<double>};

}  // namespace
}  // namespace parallax::cuda
