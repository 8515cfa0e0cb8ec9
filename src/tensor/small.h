// A short list inside its owner: no allocation, so that a training step makes none. At most N elements.
#pragma once
#include <span>

#include "error.h"

namespace parallax {

inline constexpr int kMaxProblems = 32;  // stacked problems (views and the like)

template <class T, int N = kMaxProblems> class Small {
 public:
  Small() = default;
  Small(std::initializer_list<T> list) {
    for (const T& x : list) push_back(x);
  }
  void push_back(const T& x) {
    PLX_CHECK(config, n_ < N, "more than ", N, " views (or other stacked problems) are not supported");
    v_[n_++] = x;
  }
  int size() const { return n_; }
  bool empty() const { return n_ == 0; }
  T& operator[](int i) { return v_[i]; }
  const T& operator[](int i) const { return v_[i]; }
  const T* begin() const { return v_; }
  const T* end() const { return v_ + n_; }
  const T* data() const { return v_; }
  std::span<const T> span() const { return {v_, static_cast<size_t>(n_)}; }

 private:
  T v_[N] = {};
  int n_ = 0;
};

}  // namespace parallax
