// The one exception of the library. An error is for people: a sentence with the values in it, then where it
// happened (breadcrumbs of the scopes that were open), then file:line. Callers decide by `kind`.
#pragma once
#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace parallax {

// What went wrong. The command line maps kinds to exit codes (docs/cli.md).
enum class ErrorKind {
  shape,        // sizes that do not fit together
  device,       // an operation on the wrong or a missing device
  dtype,        // an element type that an operation does not take
  config,       // usage: unknown keys, values out of range, impossible requests
  data,         // a data file that is unreadable, refused or unfit for the method
  io,           // the disk: cannot open, write, sync, rename
  numeric,      // non-finite numbers
  memory,       // host or device memory, or a plan that is too large
  cuda,         // a CUDA library call failed
  comm,         // communication between ranks
  interrupted,  // the caller asked to stop
  internal,     // a bug of ours
};
const char* name_of(ErrorKind kind);

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, const char* file, int line);
  ErrorKind kind;
  std::string message;  // the sentence alone, without breadcrumbs and place
};

// Names what is being done while it lives ("sparsemvc", "epoch" 12); an Error that is made meanwhile on this thread
// carries the names of all open scopes.
class Breadcrumb {
 public:
  // `text` must outlive the scope; nothing is copied, since scopes open in every step.
  explicit Breadcrumb(std::string_view text, int64_t number = -1);
  ~Breadcrumb();
  Breadcrumb(const Breadcrumb&) = delete;
  Breadcrumb& operator=(const Breadcrumb&) = delete;
};

template <class... A> std::string str(const A&... parts) {
  std::ostringstream o;
  (o << ... << parts);
  return o.str();
}

}  // namespace parallax

#define PLX_FAIL(KIND, ...) \
  throw ::parallax::Error(::parallax::ErrorKind::KIND, ::parallax::str(__VA_ARGS__), __FILE__, __LINE__)
#define PLX_CHECK(KIND, CONDITION, ...)            \
  do {                                             \
    if (!(CONDITION)) PLX_FAIL(KIND, __VA_ARGS__); \
  } while (false)
