// npz: a zip archive of npy members. The archive is opened over bytes in memory, so no member can name another file.
#include <zip.h>

#include <algorithm>
#include <set>

#include "npy.h"

namespace parallax {

namespace {
struct Archive {
  zip_t* z = nullptr;
  ~Archive() {
    if (z) zip_discard(z);
  }
};

std::string error_text(zip_error_t* e) {
  std::string t = zip_error_strerror(e);
  zip_error_fini(e);
  return t;
}
}  // namespace

std::vector<Variable> read_npz(Bytes file, Budget& budget) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(file.data(), file.size(), 0, &error);
  PLX_CHECK(memory, source, budget.file(), ": ", error_text(&error));
  Archive archive{zip_open_from_source(source, ZIP_RDONLY, &error)};
  if (!archive.z) {
    zip_source_free(source);
    PLX_FAIL(data, budget.file(), ": unreadable npz archive, truncated or damaged (", error_text(&error), ")");
  }
  zip_error_fini(&error);
  std::vector<Variable> variables;
  std::set<std::string> seen;
  const zip_int64_t count = zip_get_num_entries(archive.z, 0);
  PLX_CHECK(data, count <= 100000, budget.file(), ": an archive of ", count, " members");
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t s;
    PLX_CHECK(data, zip_stat_index(archive.z, static_cast<zip_uint64_t>(i), 0, &s) == 0, budget.file(), ": member ", i,
              " of the archive is damaged");
    std::string name = s.valid & ZIP_STAT_NAME ? s.name : "";
    if (name.size() < 5 || name.substr(name.size() - 4) != ".npy") continue;
    name.resize(name.size() - 4);
    const std::string what = "array " + printable(name), where = budget.file() + ": " + what;
    PLX_CHECK(data, name.size() <= 1024, where, ": the name has ", name.size(), " bytes");
    PLX_CHECK(data, seen.insert(name).second, where, " is in the archive twice");
    const zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    PLX_CHECK(data, (s.valid & need) == need, where, " has no size");
    PLX_CHECK(data, s.encryption_method == ZIP_EM_NONE, where, " is encrypted");
    PLX_CHECK(data, s.comp_method == ZIP_CM_STORE || s.comp_method == ZIP_CM_DEFLATE, where, " uses zip method ",
              s.comp_method, "; stored and deflated members are read");
    PLX_CHECK(data, s.comp_size <= file.size(), where, " claims ", s.comp_size, " stored bytes in a file of ",
              file.size(), ": truncated or damaged");
    budget.check_ratio(s.size, s.comp_size, s.comp_method == ZIP_CM_STORE ? 1 : zlib_ratio, what);
    budget.take(s.size, what);
    zip_file_t* f = zip_fopen_index(archive.z, static_cast<zip_uint64_t>(i), 0);
    PLX_CHECK(data, f, where, " cannot be opened: ", zip_strerror(archive.z));
    // grows with what comes out; read to the end, where the checksum is compared
    auto bytes = std::make_shared<std::vector<std::byte>>();
    std::string problem;
    while (problem.empty()) {
      const size_t have = bytes->size(),
                   room = static_cast<size_t>(std::min<uint64_t>(s.size - have, uint64_t{4} << 20)) + 1;
      bytes->resize(have + room);
      const zip_int64_t n = zip_fread(f, bytes->data() + have, room);
      bytes->resize(have + static_cast<size_t>(std::max<zip_int64_t>(n, 0)));
      if (n < 0) problem = zip_error_strerror(zip_file_get_error(f));
      if (n == 0) break;
      if (bytes->size() > s.size) problem = "more bytes than declared";
    }
    zip_fclose(f);
    PLX_CHECK(data, problem.empty(), where, " is damaged or truncated (", problem, ")");
    PLX_CHECK(data, bytes->size() == s.size, where, " is truncated: ", bytes->size(), " of ", s.size, " bytes");
    variables.push_back(parse_npy(Bytes(*bytes), bytes, name, budget));
  }
  PLX_CHECK(data, !variables.empty(), budget.file(), ": a zip archive without npy members");
  return variables;
}

}  // namespace parallax
