// One forward pass: parameters as values on a tape, draws by name, training or evaluation. Modules take it first.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "../autograd/ops.h"
#include "param_store.h"

namespace parallax {

// The name of a draw and its tag, made once when a module is built.
struct DrawName {
  std::string name;
  uint32_t tag = 0;
  DrawName() = default;
  explicit DrawName(std::string n) : name(std::move(n)), tag(tag_of(name)) {}
};
// Values instead of draws, by name: masks (1 = keep) and normals, of the store's type.
using DrawTables = std::map<std::string, Tensor, std::less<>>;

class Pass {
 public:
  Pass(Tape& tape, ParamStore& store, bool training) : tape_(tape), store_(store), training_(training) {}
  virtual ~Pass() = default;

  Tape& tape() const { return tape_; }
  Context& ctx() const { return tape_.context(); }
  ParamStore& store() const { return store_; }
  DType dtype() const { return store_.dtype(); }
  bool training() const { return training_; }

  // The parameter as a value; with a gradient in training. The same Var for the same parameter within a pass.
  Var param(Param p) {
    if (vars_.size() < static_cast<size_t>(store_.count())) vars_.resize(static_cast<size_t>(store_.count()));
    Var& v = vars_[static_cast<size_t>(p.index)];
    if (!v.tape)
      v = training_ && !store_.is_buffer(p) ? tape_.leaf(store_.value(p), store_.grad(p), store_.written(p))
                                            : tape_.constant(store_.value(p));
    return v;
  }
  Var constant_param(Param p) { return tape_.constant(store_.value(p)); }  // frozen
  Var constant(const Tensor& t) const { return {t, &tape_, -1}; }

  // In training: addressed by (seed, name, step, sample id, column). In evaluation: common to all rows, on the
  // evaluation's own axis, so a row's result does not depend on its neighbours or on how often one evaluates; a
  // published program that draws row by row in evaluation is followed with draw_by_row().
  AnyDraw draw(const DrawName& n) const {
    if (tables_) {
      const auto it = tables_->find(n.name);
      PLX_CHECK(data, it != tables_->end(), "no values for the draw ", n.name, " were given");
      AnyDraw d;
      d.table = it->second;
      return d;
    }
    AnyDraw d{.seed = ctx().seed(), .tag = n.tag};
    if (training_)
      d.step = ctx().step_counter();
    else
      d.tag ^= 0x9E3779B9u;
    d.common = !training_ && !by_row_;
    if (training_ || by_row_) d.ids = ids_;
    return d;
  }
  // A draw of a whole matrix (weights drawn anew in every pass): addressed by (seed, name, step, row, column).
  AnyDraw matrix_draw(const DrawName& n) const {
    AnyDraw d = draw(n);
    d.ids = {};
    d.common = false;
    return d;
  }
  bool dropping() const { return training_ || by_row_; }
  void draw_by_row() { by_row_ = true; }
  Small<AnyDraw> draws(const std::vector<DrawName>& names) const {
    Small<AnyDraw> list;
    for (const DrawName& n : names) list.push_back(draw(n));
    return list;
  }
  void use_tables(const DrawTables* tables) { tables_ = tables; }
  bool has_tables() const { return tables_ != nullptr; }
  void use_ids(const Tensor& ids) { ids_ = ids; }
  const Tensor& ids() const { return ids_; }  // [n, 1] i64: the batch rows' samples

 private:
  Tape& tape_;
  ParamStore& store_;
  bool training_;
  std::vector<Var> vars_;
  bool by_row_ = false;
  const DrawTables* tables_ = nullptr;
  Tensor ids_;
};

}  // namespace parallax
