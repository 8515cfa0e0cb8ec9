#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "../tensor/error.h"
#include "bytes.h"

namespace parallax {

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  const std::string folders = path ? path : "/usr/local/bin:/usr/bin:/bin";
  for (size_t at = 0; at <= folders.size();) {
    const size_t end = std::min(folders.find(':', at), folders.size());
    std::string candidate = folders.substr(at, end - at) + "/" + name;
    if (end > at && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return "";
}

std::string errno_text(int error) {
  char buffer[128] = {};
  // the GNU and the POSIX variant differ in their return type
  const auto pick = [&](auto result) -> std::string {
    if constexpr (std::is_same_v<decltype(result), char*>)
      return result;
    else
      return buffer;
  };
  return pick(strerror_r(error, buffer, sizeof buffer));
}

namespace {

struct Descriptor {
  int fd = -1;
  explicit Descriptor(int f) : fd(f) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string folder_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  const std::string name = path.substr(path.find_last_of('/') + 1);
  const size_t dot = name.find_last_of('.');
  const std::string ending = dot == std::string::npos ? "" : name.substr(dot);
  return folder_of(path) + "/." + name.substr(0, 100) + ".tmp-" + std::to_string(::getpid()) + "-" +
         std::to_string(counter++) + ending;
}

void sync_path(const std::string& path, int flags, const std::string& shown) {
  const Descriptor f(::open(path.c_str(), flags | O_CLOEXEC));
  PLX_CHECK(io, f.fd >= 0, shown, ": cannot open for syncing: ", errno_text(errno));
  // some file systems cannot sync folders and say EINVAL; there is nothing more to do then
  if (::fsync(f.fd) != 0 && errno != EINVAL)
    PLX_FAIL(io, shown, ": cannot sync to disk: ", errno_text(errno), " (not tried again; the file may be lost)");
}

}  // namespace

void replace_file(const std::string& path, const std::function<void(const std::string&)>& produce,
                  const std::function<void(const std::string&)>& check) {
  const std::string temporary = temporary_name(path);
  try {
    produce(temporary);
    sync_path(temporary, O_RDONLY, path);
    if (check) check(temporary);
    PLX_CHECK(io, ::rename(temporary.c_str(), path.c_str()) == 0, path,
              ": cannot rename the finished file into place: ", errno_text(errno));
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_path(folder_of(path), O_RDONLY | O_DIRECTORY, path);
}

void write_bytes(const std::string& file, std::span<const std::byte> content, const std::string& shown) {
  const Descriptor f(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  PLX_CHECK(io, f.fd >= 0, shown, ": cannot create: ", errno_text(errno));
  for (size_t done = 0; done < content.size();) {
    const ssize_t n = ::write(f.fd, content.data() + done, std::min<size_t>(content.size() - done, size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    PLX_CHECK(io, n > 0, shown, ": cannot write after ", done, " of ", content.size(), " bytes: ", errno_text(errno));
    done += static_cast<size_t>(n);
  }
}

void write_file(const std::string& path, std::span<const std::byte> content) {
  replace_file(path, [&](const std::string& temporary) { write_bytes(temporary, content, path); });
}

void write_file(const std::string& path, std::string_view content) {
  write_file(path, std::as_bytes(std::span<const char>(content.data(), content.size())));
}

void make_dirs(const std::string& path) {
  std::string so_far;
  for (size_t i = 0; i <= path.size(); ++i) {
    if (i < path.size() && path[i] != '/') continue;
    so_far = path.substr(0, i);
    if (so_far.empty() || so_far == ".") continue;
    if (::mkdir(so_far.c_str(), 0777) == 0) continue;
    const int error = errno;
    struct stat s {};
    const bool folder = ::stat(so_far.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
    PLX_CHECK(io, folder, so_far, ": cannot create the folder: ", errno_text(error));
  }
}

std::vector<std::byte> read_file(const std::string& path, uint64_t max_bytes) {
  // O_NONBLOCK: opening a named pipe must not hang
  const Descriptor f(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  PLX_CHECK(data, f.fd >= 0, path, ": cannot open: ", errno_text(errno));
  struct stat s {};
  PLX_CHECK(data, ::fstat(f.fd, &s) == 0, path, ": cannot stat: ", errno_text(errno));
  PLX_CHECK(data, S_ISREG(s.st_mode), path, ": is not a regular file");
  const uint64_t size = static_cast<uint64_t>(s.st_size);
  PLX_CHECK(data, size <= max_bytes, path, ": the file has ", size_text(size), ", over the limit of ",
            size_text(max_bytes), " (max_bytes)");
  std::vector<std::byte> bytes(size);
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::read(f.fd, bytes.data() + done, std::min<size_t>(bytes.size() - done, size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    PLX_CHECK(data, n >= 0, path, ": cannot read: ", errno_text(errno));
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

std::string read_text(const std::string& path, uint64_t max_bytes) {
  const std::vector<std::byte> b = read_file(path, max_bytes);
  return std::string(reinterpret_cast<const char*>(b.data()), b.size());
}

bool natural_less(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      size_t i1 = i, j1 = j;
      while (i1 < a.size() && digit(a[i1])) ++i1;
      while (j1 < b.size() && digit(b[j1])) ++j1;
      while (i + 1 < i1 && a[i] == '0') ++i;
      while (j + 1 < j1 && b[j] == '0') ++j;
      if (i1 - i != j1 - j) return i1 - i < j1 - j;
      const int order = a.substr(i, i1 - i).compare(b.substr(j, j1 - j));
      if (order) return order < 0;
      i = i1;
      j = j1;
    } else {
      if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
      ++i;
      ++j;
    }
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;  // equal but for leading zeros
}

std::vector<std::string> list_folder(const std::string& path) {
  DIR* d = ::opendir(path.c_str());
  PLX_CHECK(data, d, path, ": cannot open the folder: ", errno_text(errno));
  std::vector<std::string> names;
  while (const dirent* e = ::readdir(d))
    if (e->d_name[0] != '.') names.emplace_back(e->d_name);
  ::closedir(d);
  std::sort(names.begin(), names.end(), natural_less);
  return names;
}

std::string file_name(const std::string& path) {
  std::string p = path;
  while (p.size() > 1 && p.back() == '/') p.pop_back();
  const size_t slash = p.find_last_of('/');
  return slash == std::string::npos ? p : p.substr(slash + 1);
}

std::string stem_of(const std::string& path) {
  const std::string name = file_name(path);
  const size_t dot = name.find_last_of('.');
  return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

}  // namespace parallax
