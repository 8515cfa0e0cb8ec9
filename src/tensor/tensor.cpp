#include "tensor.h"

#include <algorithm>
#include <cstring>
#include <ostream>

namespace parallax {

std::ostream& operator<<(std::ostream& o, const Shape& s) { return o << s.rows << " x " << s.cols; }

namespace {
size_t bytes_of(DType type, Shape s) {
  PLX_CHECK(shape, s.rows >= 0 && s.cols >= 0, "a tensor cannot be ", s);
  const auto bytes = static_cast<unsigned __int128>(s.rows) * static_cast<unsigned __int128>(s.cols) * size_of(type);
  PLX_CHECK(memory, bytes < (static_cast<unsigned __int128>(1) << 46), "a tensor of ", s, " does not fit any memory");
  return static_cast<size_t>(bytes);
}
int64_t aligned_pitch(const Context& ctx, DType type, Shape s) {
  const bool wide = s.rows > 1 && s.cols >= 32;
  const int64_t unit = 32 / static_cast<int64_t>(size_of(type));
  return ctx.backend() && wide ? (s.cols + unit - 1) / unit * unit : s.cols;
}
template <class F> void each_row(const Tensor& t, F f) {
  for (int64_t i = 0; i < t.rows(); ++i)
    f(i, static_cast<char*>(t.data()) + static_cast<size_t>(i * t.ld()) * size_of(t.dtype()));
}
template <class To, class From> void convert(const void* from, To* to, int64_t n) {
  const auto* p = static_cast<const From*>(from);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<To>(p[i]);
}
template <class To> void convert_any(DType from, const void* p, To* to, int64_t n) {
  switch (from) {
    case DType::f32: return convert<To, float>(p, to, n);
    case DType::f64: return convert<To, double>(p, to, n);
    case DType::i32: return convert<To, int32_t>(p, to, n);
    case DType::i64: return convert<To, int64_t>(p, to, n);
    case DType::u8: return convert<To, uint8_t>(p, to, n);
  }
}
}  // namespace

Tensor Tensor::persistent(Context& ctx, DType type, Shape shape) {
  const size_t bytes = bytes_of(type, shape);
  Tensor t;
  t.keep_ = allocate_block(bytes, ctx.memory());
  t.data_ = t.keep_.get();
  t.device_ = ctx.backend();
  t.shape_ = shape;
  t.ld_ = shape.cols;
  t.type_ = type;
  ++ctx.counters().allocations;
  return t;
}

Tensor Tensor::samples(Context& ctx, DType type, Shape shape) {
  return empty(ctx, type, {shape.rows, aligned_pitch(ctx, type, shape)}).col_range(0, shape.cols);
}

Tensor Tensor::empty(Context& ctx, DType type, Shape shape) {
  if (!ctx.in_step()) return persistent(ctx, type, shape);
  const size_t bytes = bytes_of(type, shape);
  const uint64_t growths = ctx.arena().growths();
  Tensor t;
  t.data_ = ctx.arena().take(bytes);
  t.shape_ = shape;
  t.ld_ = shape.cols;
  t.type_ = type;
  t.device_ = ctx.backend();
  t.generation_ = ctx.arena().generation();
  t.arena_generation_ = ctx.arena().generation_address();
  if (ctx.arena().growths() != growths) {
    ++ctx.counters().allocations;
    ctx.counters().step_bytes_peak = ctx.arena().capacity();
  }
  return t;
}

Tensor Tensor::zeros(Context& ctx, DType type, Shape shape) {
  Tensor t = empty(ctx, type, shape);
  if (!t.arena_generation_) return t;
  if (t.device_)
    t.device_->zero(t.data_, bytes_of(type, shape));
  else
    std::memset(t.data_, 0, bytes_of(type, shape));
  return t;
}

Tensor Tensor::borrow(void* data, DType type, Shape shape, int64_t ld) {
  PLX_CHECK(shape, ld == 0 || ld >= shape.cols, "row pitch ", ld, " is less than the width ", shape.cols);
  Tensor t;
  t.data_ = data;
  t.shape_ = shape;
  t.ld_ = ld ? ld : shape.cols;
  t.type_ = type;
  return t;
}

void* Tensor::data() const {
  PLX_CHECK(internal, !arena_generation_ || *arena_generation_ == generation_, "a tensor of an earlier step (", shape_,
            ") was used after the next one began");
  return data_;
}

Tensor Tensor::row_range(int64_t first, int64_t n) const {
  PLX_CHECK(shape, first >= 0 && n >= 0 && first + n <= shape_.rows, "rows ", first, "..", first + n,
            " of a tensor of ", shape_);
  Tensor t = *this;
  t.data_ = static_cast<char*>(data()) + static_cast<size_t>(first * ld_) * size_of(type_);
  t.shape_.rows = n;
  return t;
}

Tensor Tensor::col_range(int64_t first, int64_t n) const {
  PLX_CHECK(shape, first >= 0 && n >= 0 && first + n <= shape_.cols, "columns ", first, "..", first + n,
            " of a tensor of ", shape_);
  Tensor t = *this;
  t.data_ = static_cast<char*>(data()) + static_cast<size_t>(first) * size_of(type_);
  t.shape_.cols = n;
  return t;
}

Tensor Tensor::reshape(Shape shape) const {
  PLX_CHECK(shape, contiguous(), "only a tensor without row pitch can be reshaped");
  PLX_CHECK(shape, shape.count() == shape_.count(), "a tensor of ", shape_, " cannot become ", shape);
  Tensor t = *this;
  t.shape_ = shape;
  t.ld_ = shape.cols;
  return t;
}

Tensor Tensor::host_like() const {
  Tensor t;
  t.keep_ = allocate_block(bytes_of(type_, shape_));
  t.data_ = t.keep_.get();
  t.shape_ = shape_;
  t.ld_ = shape_.cols;
  t.type_ = type_;
  return t;
}
Tensor Tensor::on_host() const {
  if (!device_) return *this;
  Tensor t = host_like();
  t.copy_from(*this);
  return t;
}

template <class T> std::vector<T> Tensor::to_vector() const {
  if (device_) return on_host().to_vector<T>();
  std::vector<T> v(static_cast<size_t>(count()));
  each_row(*this, [&](int64_t i, const void* p) { convert_any<T>(type_, p, v.data() + i * cols(), cols()); });
  return v;
}
template <class T> void Tensor::assign(const std::vector<T>& values) {
  PLX_CHECK(shape, static_cast<int64_t>(values.size()) == count(), values.size(), " values for a tensor of ", shape_);
  if (device_) {
    Tensor staged = host_like();
    staged.assign(values);
    copy_from(staged);
    return;
  }
  each_row(*this, [&](int64_t i, void* p) {
    const T* from = values.data() + i * cols();
    switch (type_) {
      case DType::f32: convert<float, T>(from, static_cast<float*>(p), cols()); break;
      case DType::f64: convert<double, T>(from, static_cast<double*>(p), cols()); break;
      case DType::i32: convert<int32_t, T>(from, static_cast<int32_t*>(p), cols()); break;
      case DType::i64: convert<int64_t, T>(from, static_cast<int64_t*>(p), cols()); break;
      case DType::u8: convert<uint8_t, T>(from, static_cast<uint8_t*>(p), cols()); break;
    }
  });
}
template <class T> Tensor Tensor::from(Context& ctx, const std::vector<T>& values, Shape shape) {
  Tensor t = empty(ctx, dtype_of<T>(), shape);
  t.assign(values);
  return t;
}
#define PLX_INSTANTIATE(T)                                \
  template std::vector<T> Tensor::to_vector<T>() const;   \
  template void Tensor::assign<T>(const std::vector<T>&); \
  template Tensor Tensor::from<T>(Context&, const std::vector<T>&, Shape);
PLX_INSTANTIATE(float)
PLX_INSTANTIATE(double)
PLX_INSTANTIATE(int32_t)
PLX_INSTANTIATE(int64_t)
PLX_INSTANTIATE(uint8_t)
#undef PLX_INSTANTIATE

double Tensor::item() const {
  PLX_CHECK(shape, count() == 1, "item() of a tensor of ", shape_);
  return to_vector<double>()[0];
}

void Tensor::copy_from(const Tensor& other) {
  PLX_CHECK(shape, other.shape() == shape_, "a tensor of ", other.shape(), " cannot be copied into one of ", shape_);
  PLX_CHECK(dtype, other.dtype() == type_, "copy from ", name_of(other.dtype()), " to ", name_of(type_));
  if (count() == 0) return;
  if (device_ || other.device_) {
    const size_t size = size_of(type_);
    const Backend::Rows r{static_cast<size_t>(cols()) * size, static_cast<size_t>(rows()),
                          static_cast<size_t>(ld_) * size, static_cast<size_t>(other.ld_) * size};
    if (!other.device_)
      device_->upload(data(), other.data(), r);
    else if (!device_)
      other.device_->download(data(), other.data(), r);
    else
      device_->copy(data(), other.data(), r);
    return;
  }
  each_row(*this, [&](int64_t i, void* p) {
    std::memcpy(p, static_cast<const char*>(other.data()) + static_cast<size_t>(i * other.ld()) * size_of(type_),
                static_cast<size_t>(cols()) * size_of(type_));
  });
}

void Tensor::fill(double value) {
  const int64_t block = device_ ? rows() : 1;  // a device gets one copy
  const std::vector<double> part(static_cast<size_t>(cols() * block), value);
  for (int64_t i = 0; i < rows(); i += block) row_range(i, block).assign(part);
}

}  // namespace parallax
