// parallax-hdf5: reads one HDF5 file in a process that has nothing to lose. Limits on memory, time and files are set
// before the first byte of the file is looked at; the file is descriptor 3, the reply goes to descriptor 4 (shared
// memory). Started by read_hdf5 (hdf5_process.cpp), of no use by hand. Built without sanitizers, which need unlimited
// memory.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "../tensor/error.h"
#include "hdf5_reply.h"
#include "hdf5_transcode.h"

namespace {

constexpr int file_fd = 3, reply_fd = 4;

void limit(int what, uint64_t value) {
  struct rlimit r;
  if (::getrlimit(static_cast<__rlimit_resource_t>(what), &r) != 0) _exit(70);
  r.rlim_cur = r.rlim_max = std::min(r.rlim_max, static_cast<rlim_t>(value));  // a tighter one is kept
  if (::setrlimit(static_cast<__rlimit_resource_t>(what), &r) != 0) _exit(70);
}

// collects small pieces: one write per megabyte
struct Output {
  std::string pending;
  void add(const void* p, size_t n) {
    pending.append(static_cast<const char*>(p), n);
    if (pending.size() >= (size_t{1} << 20)) flush();
  }
  void flush() {
    for (size_t done = 0; done < pending.size();) {
      const ssize_t n = ::write(reply_fd, pending.data() + done, pending.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) _exit(71);  // over the size limit, or out of shared memory
      done += static_cast<size_t>(n);
    }
    pending.clear();
  }
};

int refuse(const std::string& sentence) {
  const std::string text = sentence.substr(0, parallax::h5_max_error_text);
  const uint64_t n = text.size();
  if (::ftruncate(reply_fd, 0) != 0 || ::lseek(reply_fd, 0, SEEK_SET) != 0) return 72;
  std::string reply(parallax::h5_error_magic, 8);
  reply.append(reinterpret_cast<const char*>(&n), 8);
  reply += text;
  return ::write(reply_fd, reply.data(), reply.size()) == static_cast<ssize_t>(reply.size()) ? 3 : 72;
}

}  // namespace

// argv: max_bytes of the reply, seconds of CPU, name of the file for messages
int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "parallax-hdf5 is started by libparallax to read HDF5 files; it is of no use by hand\n");
    return 2;
  }
  const uint64_t max_bytes = std::strtoull(argv[1], nullptr, 10), seconds = std::strtoull(argv[2], nullptr, 10);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, seconds);
  limit(RLIMIT_FSIZE, max_bytes + 4096);
  ::signal(SIGXFSZ, SIG_IGN);
  ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
  ::setenv("HDF5_PLUGIN_PRELOAD", "::", 1);  // no plugins

  struct stat s {};
  if (::fstat(file_fd, &s) != 0 || !S_ISREG(s.st_mode)) return 70;
  const uint64_t file_bytes = static_cast<uint64_t>(s.st_size);
  // 1 GiB for the library and its chunk buffers; neither the file nor the reply is mapped
  limit(RLIMIT_AS, (uint64_t{1} << 30) + std::min(max_bytes, 2 * file_bytes));
  limit(RLIMIT_NOFILE, 6);  // standard streams, 3, 4 and the one below

  parallax::H5TranscodeOptions o;
  o.open_path = "/proc/self/fd/3";
  o.shown = argv[3];
  o.file_bytes = file_bytes;
  o.max_bytes = max_bytes;
  o.opened = [] { limit(RLIMIT_NOFILE, 0); };  // from here on no file can be opened, whatever the data say
  try {
    Output out;
    const uint64_t empty[2] = {0, 0};
    out.add(empty, 8);  // in place of the magic, which is written last: an interrupted reply is no reply
    out.add(empty, 16);
    uint64_t total = 24;
    const uint64_t nodes = parallax::transcode_hdf5(o, [&](const void* p, size_t n) {
      out.add(p, n);
      total += n;
    });
    out.flush();
    std::string head(parallax::h5_reply_magic, 8);
    head.append(reinterpret_cast<const char*>(&total), 8);
    head.append(reinterpret_cast<const char*>(&nodes), 8);
    _exit(::pwrite(reply_fd, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size()) ? 0 : 71);
  } catch (const parallax::Error& e) {
    _exit(refuse(e.message));
  } catch (const std::bad_alloc&) {
    _exit(refuse(o.shown + ": reading needs more memory than the HDF5 helper may use"));
  } catch (const std::exception& e) {
    _exit(refuse(o.shown + ": " + e.what()));
  }
}
