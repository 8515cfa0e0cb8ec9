#include "error.h"

#include <cstring>
#include <vector>

namespace parallax {

namespace {
thread_local std::vector<std::string> open_scopes;

std::string full_text(const std::string& message, const char* file, int line) {
  std::string text = message;
  if (!open_scopes.empty()) {
    text += " (";
    for (size_t i = 0; i < open_scopes.size(); ++i) text += (i ? ", " : "") + open_scopes[i];
    text += ")";
  }
  const char* base = std::strrchr(file, '/');
  return text + " [" + (base ? base + 1 : file) + ":" + std::to_string(line) + "]";
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

Breadcrumb::Breadcrumb(std::string text) { open_scopes.push_back(std::move(text)); }
Breadcrumb::~Breadcrumb() { open_scopes.pop_back(); }

}  // namespace parallax
