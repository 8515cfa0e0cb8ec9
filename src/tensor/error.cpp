#include "error.h"

#include <cstring>
#include <vector>

namespace parallax {

namespace {
struct Scope {
  std::string_view text;
  int64_t number;
};
thread_local std::vector<Scope> open_scopes;

std::string full_text(const std::string& message, const char* file, int line) {
  std::ostringstream text;
  text << message;
  for (size_t i = 0; i < open_scopes.size(); ++i) {
    text << (i ? ", " : " (") << open_scopes[i].text;
    if (open_scopes[i].number >= 0) text << ' ' << open_scopes[i].number;
  }
  const char* base = std::strrchr(file, '/');
  text << (open_scopes.empty() ? " [" : ") [") << (base ? base + 1 : file) << ':' << line << ']';
  return text.str();
}
}  // namespace

const char* name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::shape: return "shape";
    case ErrorKind::device: return "device";
    case ErrorKind::dtype: return "dtype";
    case ErrorKind::config: return "config";
    case ErrorKind::data: return "data";
    case ErrorKind::io: return "io";
    case ErrorKind::numeric: return "numeric";
    case ErrorKind::memory: return "memory";
    case ErrorKind::cuda: return "cuda";
    case ErrorKind::comm: return "comm";
    case ErrorKind::interrupted: return "interrupted";
    case ErrorKind::internal: return "internal";
  }
  return "unknown";
}

Error::Error(ErrorKind k, const std::string& m, const char* file, int line)
    : std::runtime_error(full_text(m, file, line)), kind(k), message(m) {}

Breadcrumb::Breadcrumb(std::string_view text, int64_t number) { open_scopes.push_back({text, number}); }
Breadcrumb::~Breadcrumb() { open_scopes.pop_back(); }

}  // namespace parallax
