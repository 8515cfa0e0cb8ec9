#include "param_store.h"

#include <algorithm>
#include <cmath>

#include "../tensor/draw.h"

namespace parallax {

namespace init {
Init fan_in(int64_t inputs) { return {Init::uniform, 1 / std::sqrt(static_cast<double>(inputs))}; }
Init kaiming_normal(int64_t fan, double gain) { return {Init::normal, gain / std::sqrt(static_cast<double>(fan))}; }
}  // namespace init

bool glob_match(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Param ParamStore::add(const std::string& name, Shape shape, Init init) {
  PLX_CHECK(internal, !allocated_, "parameter ", name, " was added after allocation");
  PLX_CHECK(internal, !find(name).defined(), "two parameters are called ", name);
  for (const Entry& e : entries_)
    PLX_CHECK(internal, tag_of("init." + e.name) != tag_of("init." + name), "the draws of ", name, " and ", e.name,
              " would be equal");
  entries_.push_back({name, shape, init, false, 0, {}, {}, {}, {}});
  return {count() - 1};
}

Param ParamStore::add_buffer(const std::string& name, Shape shape, double value) {
  const Param p = add(name, shape, init::constant(value));
  entries_.back().buffer = true;
  return p;
}

Param ParamStore::find(std::string_view name) const {
  for (size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].name == name) return {static_cast<int>(i)};
  return {};
}

void ParamStore::allocate() {
  PLX_CHECK(internal, !allocated_, "allocated twice");
  allocated_ = true;
  constexpr int64_t kPad = 16;  // elements: every parameter starts on a cache line
  for (Entry& e : entries_) {
    if (e.buffer) {
      e.value = Tensor::persistent(*ctx_, type_, e.shape);
      continue;
    }
    e.offset = total_;
    total_ += (e.shape.count() + kPad - 1) / kPad * kPad;
  }
  for (Tensor* flat : {&values_, &grads_, &m_, &v_}) *flat = Tensor::persistent(*ctx_, type_, {1, total_});
  for (Entry& e : entries_) {
    if (e.buffer) continue;
    const auto part = [&](const Tensor& flat) { return flat.col_range(e.offset, e.shape.count()).reshape(e.shape); };
    e.value = part(values_);
    e.grad = part(grads_);
    e.m = part(m_);
    e.v = part(v_);
  }
  written_ = std::make_unique<bool[]>(entries_.size());
  updates_ = Tensor::persistent(*ctx_, DType::i32, {1, count()});
  initialise();
}

void ParamStore::initialise() {
  for (Entry& e : entries_) fill_initial(e);
}

void ParamStore::fill_initial(Entry& e) {
  std::vector<double> v(static_cast<size_t>(e.shape.count()), e.init.scale);
  const Draw<double> draw{.seed = ctx_->seed(), .tag = tag_of("init." + e.name)};
  for (int64_t i = 0; i < e.shape.rows && e.init.kind != Init::constant; ++i)
    for (int64_t j = 0; j < e.shape.cols; ++j) {
      const double x = e.init.kind == Init::uniform ? 2.0 * draw.uniform(i, j) - 1.0 : draw.normal(i, j);
      v[static_cast<size_t>(i * e.shape.cols + j)] = e.init.scale * x;
    }
  e.value.assign(v);
}

void ParamStore::begin_step() { std::fill_n(written_.get(), entries_.size(), false); }

std::vector<int> ParamStore::matching(const std::vector<std::string>& globs) const {
  std::vector<int> found;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].buffer) continue;
    for (const std::string& g : globs)
      if (glob_match(g, entries_[i].name)) {
        found.push_back(static_cast<int>(i));
        break;
      }
  }
  return found;
}

}  // namespace parallax
