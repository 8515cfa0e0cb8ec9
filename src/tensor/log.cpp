#include "log.h"

#include <mutex>

namespace parallax {
namespace {
std::mutex sink_mutex;
LogSink& sink() {
  static LogSink s;
  return s;
}
}  // namespace

LogSink set_log_sink(LogSink fresh) {
  const std::lock_guard<std::mutex> lock(sink_mutex);
  std::swap(sink(), fresh);
  return fresh;
}

void log(LogLevel level, const std::string& line) {
  const std::lock_guard<std::mutex> lock(sink_mutex);
  if (sink()) sink()(level, line);
}
}  // namespace parallax
