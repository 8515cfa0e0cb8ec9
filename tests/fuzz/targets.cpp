#include "targets.h"

#include <parallax/io/csv.h>
#include <parallax/io/hdf5_variables.h>
#include <parallax/io/inspect.h>
#include <parallax/io/layout.h>
#include <parallax/io/mat.h>
#include <parallax/io/npy.h>

namespace parallax_fuzz {

using namespace parallax;

namespace {

constexpr uint64_t limit = uint64_t{8} << 20;

Bytes bytes_of(const uint8_t* data, size_t size) { return Bytes(reinterpret_cast<const std::byte*>(data), size); }

// everything behind the container: rules, orientation, conversion, facts
void data_set(std::vector<Variable> variables, Budget& budget, bool rows_are_samples = false) {
  MultiView out;
  LoadOptions options;
  options.max_bytes = limit;
  const std::vector<Variable> ready = join_train_test(unwrap(std::move(variables)), budget, out.notes);
  assemble(choose(ready, options, budget, rows_are_samples), options, budget, out);
  to_json(inspect(out));
}

template <class F> bool only_errors(F f) {
  try {
    f();
    return true;
  } catch (const Error& e) {
    if (e.kind == ErrorKind::internal || e.kind == ErrorKind::memory) throw;
    return false;
  }
}

}  // namespace

bool mat(const uint8_t* data, size_t size) {
  return only_errors([&] {
    const Bytes b = bytes_of(data, size);
    Budget budget("fuzz.mat", limit);
    if (looks_like_mat5(b))
      data_set(read_mat5(b, nullptr, budget).variables, budget);
    else if (looks_like_mat4(b))
      data_set(read_mat4(b, nullptr, budget).variables, budget);
    else
      PLX_FAIL(data, "no MAT file");
  });
}

bool npz(const uint8_t* data, size_t size) {
  return only_errors([&] {
    const Bytes b = bytes_of(data, size);
    Budget budget("fuzz.npz", limit);
    if (size > 0 && data[0] == 0x93) {
      const Variable v = parse_npy(b, nullptr, "a", budget);
      if (v.numeric() && !v.complex) to_doubles(v, budget);
      data_set({v, v}, budget);
    } else {
      data_set(read_npz(b, budget), budget);
    }
  });
}

bool csv(const uint8_t* data, size_t size) {
  return only_errors([&] {
    Budget budget("fuzz.csv", limit);
    const Variable v = parse_csv(std::string_view(reinterpret_cast<const char*>(data), size), "v", budget);
    to_doubles(v, budget);
    label_values(v, budget);
  });
}

bool hdf5_reply(const uint8_t* data, size_t size) {
  return only_errors([&] {
    const H5Tree tree = parse_hdf5_reply(bytes_of(data, size), nullptr, "fuzz.h5");
    for (const H5Node& n : tree.nodes) {
      if (n.is_number() && n.has_storage && n.is_float()) n.as_f64(n.path);
      for (const auto& [name, value] : n.attrs)
        if (value.type == H5Type::string && value.has_storage) value.strings(name);
    }
    Budget budget("fuzz.h5", limit);
    Hdf5Variables h = variables_of(tree);
    data_set(std::move(h.variables), budget, h.rows_are_samples);
  });
}

}  // namespace parallax_fuzz
