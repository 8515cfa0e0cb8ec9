// Which container a path holds, by content, and how its variables come to the layout rules.
#include "load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <new>

#include "../tensor/log.h"
#include "csv.h"
#include "files.h"
#include "hdf5_variables.h"
#include "layout.h"
#include "mat.h"
#include "npy.h"
#include "sha256.h"

namespace parallax {

namespace {

struct Content {
  std::string format, sha256;
  std::vector<Variable> variables;
  uint64_t trailing_bytes = 0, trailing_offset = 0;
  bool rows_are_samples = false;
};

bool starts_with(Bytes b, std::string_view text) {
  return b.size() >= text.size() && std::memcmp(b.data(), text.data(), text.size()) == 0;
}

std::string lower_ending(const std::string& path) {
  const std::string name = file_name(path);
  const size_t dot = name.find_last_of('.');
  std::string e = dot == std::string::npos ? "" : name.substr(dot + 1);
  for (char& c : e) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return e;
}

std::string first_bytes(Bytes b) {
  return "'" + printable(std::string(reinterpret_cast<const char*>(b.data()), std::min<size_t>(b.size(), 16)), 64) +
         "'";
}

bool is_text(Bytes b) {
  return std::all_of(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(b.size(), 4096)),
                     [](std::byte x) {
                       const unsigned c = static_cast<unsigned>(x);
                       return c >= 0x20 || c == '\n' || c == '\r' || c == '\t';
                     });
}

// The start of a file, to recognise HDF5 without reading gigabytes into this process.
std::vector<std::byte> head_of(const std::string& path, uint64_t& size) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  PLX_CHECK(data, fd >= 0, path, ": cannot open: ", errno_text(errno));
  struct stat info {};
  std::vector<std::byte> head(size_t{1} << 16);
  ssize_t n = -1;
  const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (regular) n = ::read(fd, head.data(), head.size());
  const int error = errno;
  ::close(fd);
  PLX_CHECK(data, regular, path, ": is not a regular file");
  PLX_CHECK(data, n >= 0, path, ": cannot read: ", errno_text(error));
  head.resize(static_cast<size_t>(n));
  size = static_cast<uint64_t>(info.st_size);
  return head;
}

// `in_folder`: csv and single npy arrays are data only as parts of a folder.
Content read_container(const std::string& path, const LoadOptions& options, Budget& budget, bool in_folder) {
  Content c;
  uint64_t size = 0;
  const std::vector<std::byte> head = head_of(path, size);
  PLX_CHECK(data, size > 0, path, ": the file is empty");
  if (starts_with(head, "version") && size < 1024) {
    const std::string text(reinterpret_cast<const char*>(head.data()), head.size());
    PLX_CHECK(data, text.substr(0, text.find('\n')).find("git-lfs") == text.npos, path, ": is a Git LFS pointer of ",
              size, " bytes, not the data; fetch the file itself (git lfs pull)");
  }
  if (looks_like_hdf5(head)) {
    H5Limits limits;
    limits.max_bytes = budget.max_bytes();
    const H5Tree tree = read_hdf5(path, limits, options.trust_input);
    uint64_t bytes = 0;
    for (const H5Node& n : tree.nodes) bytes += n.bytes.size();
    budget.take(bytes, "the file");
    Hdf5Variables h = variables_of(tree);
    c.format = h.matlab ? "mat73" : "hdf5";
    c.variables = std::move(h.variables);
    c.rows_are_samples = h.rows_are_samples;
    c.sha256 = sha256_of_file(path);
    return c;
  }
  auto bytes = std::make_shared<std::vector<std::byte>>(read_file(path, budget.max_bytes()));
  budget.take(bytes->size(), "the file");
  c.sha256 = sha256_hex(*bytes);
  const Bytes b(*bytes);
  if (starts_with(b, "PK\x03\x04") || starts_with(b, std::string_view("PK\x05\x06", 4))) {
    c.format = "npz";
    c.variables = read_npz(b, budget);
  } else if (starts_with(b, "\x93NUMPY")) {
    PLX_CHECK(data, in_folder, path,
              ": is a single npy array; a data set needs an npz archive or a folder with one file per view");
    c.format = "npy";
    c.variables.push_back(parse_npy(b, bytes, stem_of(path), budget));
  } else if (looks_like_mat5(b) || looks_like_mat4(b)) {
    const bool five = looks_like_mat5(b);
    MatFile m = five ? read_mat5(b, bytes, budget) : read_mat4(b, bytes, budget);
    c.format = five ? "mat5" : "mat4";
    c.variables = std::move(m.variables);
    c.trailing_bytes = m.trailing_bytes;
    c.trailing_offset = m.trailing_offset;
  } else if (in_folder && is_text(b)) {
    c.format = "csv";
    c.rows_are_samples = true;
    c.variables.push_back(
        parse_csv(std::string_view(reinterpret_cast<const char*>(b.data()), b.size()), stem_of(path), budget));
  } else {
    PLX_CHECK(data, !is_text(b), path, ": is a text file, starting with ", first_bytes(b),
              "; a single text file is no multi-view data set (a folder of csv files is)");
    PLX_FAIL(data, path, ": unknown container, starting with ", first_bytes(b),
             "; MAT 4 to 7.3, HDF5 and npz are read");
  }
  return c;
}

void check_trailing(const Content& c, const Chosen& chosen, const std::string& path, std::vector<std::string>& notes) {
  if (!c.trailing_bytes) return;
  PLX_CHECK(data, chosen.labels, path, ": file truncated or damaged: ", c.trailing_bytes, " bytes at offset ",
            c.trailing_offset, " are no variable, and no labels were read before them");
  notes.push_back(str("warning: ", c.trailing_bytes, " trailing bytes at offset ", c.trailing_offset,
                      " are no variable and were ignored"));
}

bool data_ending(const std::string& path) {
  const std::string e = lower_ending(path);
  return e == "mat" || e == "npz" || e == "npy" || e == "h5" || e == "hdf5" || e == "csv";
}

void load_file(const std::string& path, const LoadOptions& options, MultiView& out) {
  Budget budget(path, options.max_bytes);
  Content c = read_container(path, options, budget, false);
  out.format = c.format;
  out.sha256 = c.sha256;
  const std::vector<Variable> variables = join_train_test(unwrap(std::move(c.variables)), budget, out.notes);
  Chosen chosen;
  try {
    chosen = choose(variables, options, budget, c.rows_are_samples);
  } catch (const Error& e) {
    if (!c.trailing_bytes || e.kind != ErrorKind::data) throw;
    PLX_FAIL(data, e.message, "; ", c.trailing_bytes, " bytes at offset ", c.trailing_offset,
             " are no variable: file truncated or damaged");
  }
  check_trailing(c, chosen, path, out.notes);
  assemble(chosen, options, budget, out);
}

// One file per view, in natural order; labels in a file of their own or beside the views, where they must agree.
void load_folder(const std::string& path, const LoadOptions& options, MultiView& out) {
  Budget budget(path, options.max_bytes);
  std::vector<std::string> files;
  for (const std::string& name : list_folder(path)) {
    const std::string full = path + (path.back() == '/' ? "" : "/") + name;
    if (!data_ending(full)) continue;
    struct stat info {};
    PLX_CHECK(data, ::lstat(full.c_str(), &info) == 0, full, ": cannot stat: ", errno_text(errno));
    PLX_CHECK(data, !S_ISLNK(info.st_mode) || options.trust_input, full,
              ": is a symbolic link inside a data folder, which is not followed (trust_input follows it)");
    if (S_ISDIR(info.st_mode)) continue;
    files.push_back(full);
  }
  PLX_CHECK(data, !files.empty(), path, ": the folder holds no data files (.mat, .npz, .npy, .h5, .hdf5, .csv)");

  Sha256 sha;
  std::vector<std::vector<Variable>> kept;  // what the chosen pointers lead into
  kept.reserve(files.size());
  Chosen chosen;
  bool all_csv = true, all_rows = true;
  uint64_t held = 0;  // one limit for all files together
  for (const std::string& file : files) {
    Budget file_budget(file, options.max_bytes - std::min(options.max_bytes, held));
    Content c = read_container(file, options, file_budget, true);
    const std::string name = file_name(file);
    sha.add(std::as_bytes(std::span(name.data(), name.size() + 1)));
    const std::vector<std::byte> digest = [&] {
      std::vector<std::byte> d;
      for (const char ch : c.sha256) d.push_back(static_cast<std::byte>(ch));
      return d;
    }();
    sha.add(digest);
    all_csv &= c.format == "csv";
    all_rows &= c.rows_are_samples;
    kept.push_back(unwrap(std::move(c.variables)));
    const std::vector<Variable>& variables = kept.back();
    std::optional<FoundLabels> labels;
    std::vector<const Variable*> matrices;
    const bool labels_file =
        is_label_name(stem_of(file)) || (!options.labels.empty() && stem_of(file) == options.labels);
    if (labels_file && variables.size() == 1) {
      auto values = label_values(variables[0], file_budget);
      PLX_CHECK(data, values.has_value(), file, ": ", variables[0].describe(),
                " cannot be labels: a vector or a one-hot matrix is wanted");
      labels = FoundLabels{variables[0].name, std::move(*values), &variables[0]};
    } else {
      bool has_label_name = false;
      for (const Variable& v : variables) has_label_name |= is_label_name(v.name) || v.name == options.labels;
      if (has_label_name) {
        const bool wanted_here = std::any_of(variables.begin(), variables.end(),
                                             [&](const Variable& v) { return v.name == options.labels; });
        labels = find_labels(variables, wanted_here ? options.labels : "", file_budget);
      }
      for (const Variable& v : variables)
        if (v.numeric() && (!labels || labels->variable != &v) && (v.is_matrix() || c.format == "csv"))
          matrices.push_back(&v);
      if (matrices.empty() && !labels_file)  // a view of one column; alone it must not look like labels of some name
        for (const Variable& v : variables)
          if (v.is_vector() &&
              (labels ? labels->variable != &v : is_view_name(v.name) || !plausible_labels(v, file_budget)))
            matrices.push_back(&v);
      std::string list;
      for (const Variable* m : matrices) list += (list.empty() ? "" : ", ") + m->describe();
      PLX_CHECK(data, matrices.size() <= 1, file, ": a file of a data folder must hold one matrix, this one holds ",
                list);
      PLX_CHECK(data, matrices.size() == 1 || labels, file, ": holds neither a matrix nor labels");
    }
    held += file_budget.used();
    if (labels) {
      PLX_CHECK(data, !chosen.labels || chosen.labels->values == labels->values, file, ": its labels ",
                labels->variable->describe(), " differ from those of the other files of the folder");
      if (!chosen.labels) chosen.labels = std::move(labels);
    }
    if (matrices.size() == 1) {
      kept.back()[static_cast<size_t>(matrices[0] - kept.back().data())].title = stem_of(file);
      chosen.views.push_back(matrices[0]);
      chosen.views_text += (chosen.views_text.empty() ? "" : ", ") + printable(stem_of(file));
    }
  }
  out.format = all_csv ? "csv" : "folder";
  out.sha256 = sha.hex();
  chosen.rows_are_samples = all_rows;
  const size_t least = options.allow_one_view || options.views.size() == 1 ? 1 : 2;
  PLX_CHECK(data, !chosen.views.empty(), path, ": labels without any view in the folder");
  PLX_CHECK(data, chosen.views.size() >= least, path, ": one view only, ", chosen.views_text,
            "; multi-view data need at least two (--views 0 makes a one-view run)");
  assemble(chosen, options, budget, out);
}

uint64_t machine_memory() {
  uint64_t most = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const char* group : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::FILE* f = std::fopen(group, "r");
    if (!f) continue;
    unsigned long long limit = 0;  // "max" does not parse and means none
    if (std::fscanf(f, "%llu", &limit) == 1 && limit > 0) most = std::min<uint64_t>(most, limit);
    std::fclose(f);
  }
  return most;
}

bool is_folder(const std::string& path) {
  struct stat info {};
  PLX_CHECK(data, ::stat(path.c_str(), &info) == 0, path, ": cannot open: ", errno_text(errno));
  return S_ISDIR(info.st_mode);
}

}  // namespace

uint64_t default_max_bytes() {
  static const uint64_t bytes = std::min(uint64_t{16} << 30, machine_memory() / 4 * 3);
  return bytes;
}

MultiView load(const std::string& path, const LoadOptions& options) {
  MultiView out;
  out.path = path;
  try {
    const bool folder = is_folder(path);
    out.name = folder ? file_name(path) : stem_of(path);
    folder ? load_folder(path, options, out) : load_file(path, options, out);
  } catch (const std::bad_alloc&) {
    PLX_FAIL(memory, path, ": not enough memory to load it");
  } catch (const std::length_error&) {
    PLX_FAIL(memory, path, ": not enough memory to load it");
  }
  for (const std::string& note : out.notes) {
    const bool warning = note.compare(0, 8, "warning:") == 0;
    log(warning ? LogLevel::warning : LogLevel::info, path + ": " + note);
  }
  return out;
}

Labels load_labels(const std::string& path, const LoadOptions& options) {
  LoadOptions relaxed = options;
  relaxed.relax_classes = true;
  FoundLabels found;
  if (is_folder(path)) return load(path, relaxed).labels;
  uint64_t size = 0;
  const std::vector<std::byte> head = head_of(path, size);
  Budget budget(path, options.max_bytes);
  if (starts_with(head, "\x93NUMPY") || (is_text(head) && !starts_with(head, "version"))) {
    Content c = read_container(path, relaxed, budget, true);
    auto values = label_values(c.variables.at(0), budget);
    if (!values && c.variables[0].elements() == 1) values = to_doubles(c.variables[0], budget);
    PLX_CHECK(data, values.has_value(), path, ": ", c.variables[0].describe(),
              " cannot be labels: one integer a sample is wanted");
    found = FoundLabels{c.variables[0].name, std::move(*values), nullptr};
  } else {
    Content c = read_container(path, relaxed, budget, false);
    std::vector<std::string> notes;
    const std::vector<Variable> variables = join_train_test(unwrap(std::move(c.variables)), budget, notes);
    std::optional<FoundLabels> hit = find_labels(variables, options.labels, budget);
    PLX_CHECK(data, hit.has_value(), path, ": no labels in the file");
    found = std::move(*hit);
  }
  return map_labels(found, path, true);
}

std::vector<std::string> data_set_candidates(const std::string& folder) {
  std::vector<std::string> paths;
  for (const std::string& name : list_folder(folder)) {
    const std::string full = folder + (folder.back() == '/' ? "" : "/") + name;
    struct stat info {};
    if (::stat(full.c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode) || (S_ISREG(info.st_mode) && data_ending(full) && lower_ending(full) != "csv"))
      paths.push_back(full);
  }
  return paths;
}

}  // namespace parallax
