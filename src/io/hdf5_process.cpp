// Runs the HDF5 helper: finds it, hands it the open file and a piece of shared memory, waits with a clock, and takes a
// crash, a limit or a timeout for what it is: an unreadable file.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "../tensor/places.h"
#include "files.h"
#include "hdf5.h"
#include "hdf5_reply.h"
#include "hdf5_transcode.h"

#ifndef PLX_HELPER_INSTALLED
#define PLX_HELPER_INSTALLED ""
#endif

namespace parallax {

namespace {

struct Fd {
  int fd;
  explicit Fd(int f) : fd(f) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
};

bool executable(const std::string& path) { return !path.empty() && ::access(path.c_str(), X_OK) == 0; }

// What the parent reads from: the child is gone and the memory sealed, so nothing changes underneath.
std::shared_ptr<const void> map_reply(int fd, uint64_t size, const std::string& file) {
  PLX_CHECK(data, ::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0, file,
            ": the reply of the HDF5 helper is still being written to");
  void* p = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  PLX_CHECK(memory, p != MAP_FAILED, file, ": cannot map ", size, " bytes: ", errno_text(errno));
  return std::shared_ptr<const void>(p, [size](const void* q) { ::munmap(const_cast<void*>(q), size); });
}

struct Ending {
  bool timeout = false, lost = false;
  int status = 0;
};

Ending wait_for(pid_t child, double seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  auto nap = std::chrono::microseconds(200);
  Ending e;
  for (;;) {
    const pid_t r = ::waitpid(child, &e.status, WNOHANG);
    if (r == child) return e;
    if (r < 0 && errno != EINTR) return e.lost = true, e;  // somebody else reaped it: the reply alone decides
    if (std::chrono::steady_clock::now() > deadline) {
      ::kill(child, SIGKILL);
      while (::waitpid(child, &e.status, 0) < 0 && errno == EINTR) {}
      e.timeout = true;
      return e;
    }
    std::this_thread::sleep_for(nap);
    nap = std::min(nap * 2, std::chrono::microseconds(5000));
  }
}

H5Tree read_in_process(const std::string& path, const H5Limits& limits, uint64_t size) {
  auto bytes = std::make_shared<std::vector<std::byte>>(24);
  H5TranscodeOptions o;
  o.open_path = o.shown = path;
  o.file_bytes = size;
  o.max_bytes = limits.max_bytes;
  const uint64_t nodes = transcode_hdf5(o, [&](const void* p, size_t n) {
    const std::byte* b = static_cast<const std::byte*>(p);
    bytes->insert(bytes->end(), b, b + n);
  });
  const uint64_t total = bytes->size();
  std::memcpy(bytes->data(), h5_reply_magic, 8);
  std::memcpy(bytes->data() + 8, &total, 8);
  std::memcpy(bytes->data() + 16, &nodes, 8);
  return parse_hdf5_reply(Bytes(*bytes), bytes, path);
}

}  // namespace

std::string hdf5_helper_path() {
  const char* named = std::getenv("PARALLAX_HDF5_HELPER");
  if (named && *named) return executable(named) ? named : "";
  for (const std::string& f : own_folders())
    for (const char* relative :
         {"/parallax-hdf5", "/bin/parallax-hdf5", "/../bin/parallax-hdf5", "/../libexec/parallax/parallax-hdf5"})
      if (executable(f + relative)) return f + relative;
  // a program of somebody else, linked statically, lies anywhere
  return executable(PLX_HELPER_INSTALLED) ? PLX_HELPER_INSTALLED : find_program("parallax-hdf5");
}

H5Tree read_hdf5(const std::string& path, const H5Limits& limits, bool trust_input) {
  const Fd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  PLX_CHECK(data, opened.fd >= 0, path, ": cannot open: ", errno_text(errno));
  struct stat info {};
  PLX_CHECK(data, ::fstat(opened.fd, &info) == 0 && S_ISREG(info.st_mode), path, ": is not a regular file");
  const uint64_t size = static_cast<uint64_t>(info.st_size);
  if (trust_input) return read_in_process(path, limits, size);

  const std::string helper = hdf5_helper_path();
  PLX_CHECK(config, !helper.empty(), path,
            ": the program parallax-hdf5, which reads HDF5 files in a process of its own, was not "
            "found (set PARALLAX_HDF5_HELPER to its path); trust_input reads the file in this process instead, for "
            "files you trust");
  // descriptors above the ones they become in the child, so that the duplications there cannot collide
  const Fd file(::fcntl(opened.fd, F_DUPFD_CLOEXEC, 20));
  const Fd raw(::memfd_create("parallax-hdf5", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const Fd reply(raw.fd >= 0 ? ::fcntl(raw.fd, F_DUPFD_CLOEXEC, 20) : -1);
  PLX_CHECK(io, file.fd >= 0 && reply.fd >= 0, path, ": cannot set up the HDF5 helper: ", errno_text(errno));
  const uint64_t cpu = 10 + (size >> 20);  // a megabyte a second at the least
  const double seconds = limits.seconds > 0 ? limits.seconds : 3.0 * static_cast<double>(cpu);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {0, 1, 2})
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, file.fd, 3);
  posix_spawn_file_actions_adddup2(&actions, reply.fd, 4);
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 34)
  posix_spawn_file_actions_addclosefrom_np(&actions, 5);
#endif
#endif
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  // a process group of its own: an interrupt from the terminal reaches us, not the helper
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const std::string max_text = std::to_string(limits.max_bytes), cpu_text = std::to_string(cpu);
  const std::string shown = printable(path, 1000);
  char* argv[] = {const_cast<char*>(helper.c_str()), const_cast<char*>(max_text.c_str()),
                  const_cast<char*>(cpu_text.c_str()), const_cast<char*>(shown.c_str()), nullptr};
  std::string library_path;
  if (const char* l = std::getenv("LD_LIBRARY_PATH")) library_path = std::string("LD_LIBRARY_PATH=") + l;
  char* environment[] = {library_path.empty() ? nullptr : library_path.data(), nullptr};
  pid_t child = -1;
  const int error = ::posix_spawn(&child, helper.c_str(), &actions, &attributes, argv, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  PLX_CHECK(io, error == 0, path, ": cannot start the HDF5 helper ", helper, ": ", errno_text(error));

  const Ending end = wait_for(child, seconds);
  PLX_CHECK(data, !end.timeout, path, ": reading took longer than ", seconds,
            " s and was stopped: damaged or hostile HDF5 file");
  if (!end.lost && WIFSIGNALED(end.status)) {
    const int sig = WTERMSIG(end.status);
    PLX_CHECK(data, sig != SIGXCPU && sig != SIGKILL, path, ": reading was stopped by a limit (", cpu,
              " s of processor time, memory): ", "damaged or hostile HDF5 file");
    PLX_FAIL(data, path, ": the HDF5 library crashed on it (signal ", sig,
             ", in the helper process): damaged or hostile HDF5 file");
  }
  const int code = end.lost ? 0 : WEXITSTATUS(end.status);
  PLX_CHECK(data, code != 71, path, ": its content is over the limit of ", size_text(limits.max_bytes), " (max_bytes)");
  PLX_CHECK(io, code == 0 || code == 3, path, ": the HDF5 helper ", helper, " failed to start (code ", code, ")");
  struct stat reply_info {};
  PLX_CHECK(io, ::fstat(reply.fd, &reply_info) == 0, path, ": ", errno_text(errno));
  const uint64_t reply_size = static_cast<uint64_t>(reply_info.st_size);
  PLX_CHECK(data, reply_size >= 16 && reply_size <= limits.max_bytes + 8192, path, ": the HDF5 helper gave a reply of ",
            reply_size, " bytes");
  const std::shared_ptr<const void> bytes = map_reply(reply.fd, reply_size, path);
  return parse_hdf5_reply(Bytes(static_cast<const std::byte*>(bytes.get()), reply_size), bytes, path);
}

}  // namespace parallax
