// Linear layers of one or several stacked problems, with bias, activation and dropout fused, and the last decoder layer
// fused with its squared error.
#pragma once
#include "../tensor/draw.h"
#include "../tensor/gemm.h"
#include "tape.h"

namespace parallax {

// A draw whose scalar type is the context's: made once, read as Draw<T> in kernels.
struct AnyDraw {
  uint64_t seed = 0;
  uint32_t tag = 0;
  const uint32_t* step = nullptr;
  Tensor ids = {};  // [n, 1] i64; undefined: batch rows
  bool common = false;
  Tensor table = {};  // [n, d] of the context's type; undefined: Philox
  template <class T> Draw<T> as() const {
    return {seed,
            tag,
            step,
            ids.defined() ? ids.ptr<int64_t>() : nullptr,
            common,
            table.defined() ? table.ptr<T>() : nullptr,
            table.defined() ? table.ld() : 0};
  }
};

// y_g = drop(act(x_g w_g^T + b_g)) for G problems; y is stacked, [G * n, out].
struct Linear {
  static constexpr std::string_view name = "linear";
  struct Attr {
    int problems = 1;
    Act act = Act::none;
    double slope = 0.01;
    double dropout = 0;           // needs act = relu: the result alone tells both masks
    Small<AnyDraw> draws;         // one per problem where dropout > 0
    bool x_list = false;          // G inputs of unequal width instead of one stacked [G * n, in]
    int weights = 1, biases = 1;  // 1 = shared by all problems, else G; biases may be 0
  };
  struct Saved {
    Small<Tensor> x, w;
    Tensor y;
    ReluOffer offer;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};

struct LinearOptions {
  Act act = Act::none;
  double slope = 0.01;
  double dropout = 0;
  Small<AnyDraw> draws = {};
};
// One problem, or one shared layer on stacked rows.
Var linear(const Var& x, const Var& w, const Var& b, const LinearOptions& o = {});
// x: one stacked [G * n, in] or G of [n, in_g]; w, b: one each (shared) or G.
Var linear(std::span<const Var> x, std::span<const Var> w, std::span<const Var> b, int problems,
           const LinearOptions& o = {});

// l_g = mean over entries of (h_g w_g^T + b_g - t_g)^2, [G, 1]; h stacked [G * n, in], targets of unequal width.
// SparseMVC 4.2, GDCN 4.1, DistilMVC 4.1. `outputs`, where defined, receive h w^T + b.
struct LinearMse {
  static constexpr std::string_view name = "linear_mse";
  struct Attr {
    Small<Tensor> targets, outputs;
  };
  struct Saved {
    Tensor h;
    Small<Tensor> w, residual;  // residual: gradient of the loss with respect to the layer's result
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var linear_mse(const Var& h, std::span<const Var> w, std::span<const Var> b, std::span<const Tensor> targets,
               std::span<const Tensor> outputs = {});

// mean over entries of (x - t)^2, [1, 1]
struct Mse {
  static constexpr std::string_view name = "mse";
  struct Attr {
    Tensor target;
  };
  struct Saved {
    Tensor residual;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var mse(const Var& x, const Tensor& target);

}  // namespace parallax
