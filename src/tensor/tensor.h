// A matrix on one device: rows x cols, row-major, with a row pitch as the only permitted gap (column slices of a wider
// matrix). A cheap handle: persistent tensors share ownership of their block, step tensors own nothing and die with the
// step. Vectors are [n, 1] or [1, d], scalars [1, 1]; G stacked problems of n rows are [G * n, d].
#pragma once
#include <memory>
#include <vector>

#include "context.h"

namespace parallax {

struct Shape {
  int64_t rows = 0, cols = 0;
  int64_t count() const { return rows * cols; }
  bool operator==(const Shape&) const = default;
};
std::ostream& operator<<(std::ostream& o, const Shape& s);  // "210 x 64"

class Tensor {
 public:
  Tensor() = default;
  // Uninitialised; step lifetime inside a step, else persistent (and then zero).
  static Tensor empty(Context& ctx, DType type, Shape shape);
  // The same for samples in rows: on a device wide ones begin at multiples of 32 bytes, the unit in which it reads, so
  // that the result may have a row pitch there.
  static Tensor samples(Context& ctx, DType type, Shape shape);
  static Tensor zeros(Context& ctx, DType type, Shape shape);
  // Persistent and zero, also inside a step.
  static Tensor persistent(Context& ctx, DType type, Shape shape);
  // Memory of the caller, which must outlive the tensor. ld in elements.
  static Tensor borrow(void* data, DType type, Shape shape, int64_t ld = 0);
  template <class T> static Tensor from(Context& ctx, const std::vector<T>& values, Shape shape);

  int64_t rows() const { return shape_.rows; }
  int64_t cols() const { return shape_.cols; }
  int64_t ld() const { return ld_; }
  Shape shape() const { return shape_; }
  DType dtype() const { return type_; }
  int64_t count() const { return shape_.count(); }
  bool defined() const { return data_ != nullptr; }
  bool contiguous() const { return ld_ == shape_.cols || shape_.rows <= 1; }
  void* data() const;
  Backend* device() const { return device_; }  // null: host memory
  Tensor on_host() const;                      // itself, or a copy

  Tensor row_range(int64_t first, int64_t n) const;  // views of the same memory
  Tensor col_range(int64_t first, int64_t n) const;
  Tensor reshape(Shape shape) const;  // contiguous tensors only

  // Plain pointers for kernels; checks type and lifetime once.
  template <class T> Mat<T> mat() const {
    PLX_CHECK(dtype, dtype_of<std::remove_const_t<T>>() == type_, "tensor is ", name_of(type_), ", ",
              name_of(dtype_of<std::remove_const_t<T>>()), " is needed");
    return {static_cast<T*>(data()), shape_.rows, shape_.cols, ld_};
  }
  template <class T> T* ptr() const { return mat<T>().p; }

  // Copies to and from host vectors, row after row. The blocking calls of the library.
  template <class T> std::vector<T> to_vector() const;  // converts between floating types
  template <class T> void assign(const std::vector<T>& values);
  double item() const;  // of a [1, 1] floating tensor
  void copy_from(const Tensor& other);
  void fill(double value);

 private:
  Tensor host_like() const;  // host memory of the same type and shape
  std::shared_ptr<void> keep_;
  void* data_ = nullptr;
  Shape shape_;
  int64_t ld_ = 0;
  DType type_ = DType::f32;
  Backend* device_ = nullptr;
  uint64_t generation_ = 0;  // of the arena, for step tensors
  const uint64_t* arena_generation_ = nullptr;
};

}  // namespace parallax
