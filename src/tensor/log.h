// Log lines for the user: what was chosen and why. The library is silent until the embedder sets a sink; this sink is
// the only process-wide state.
#pragma once
#include <functional>
#include <string>

namespace parallax {
enum class LogLevel { debug, info, warning };
using LogSink = std::function<void(LogLevel, const std::string&)>;

// Replaces the sink and returns the old one; an empty function silences the log. Thread safe.
LogSink set_log_sink(LogSink sink);
void log(LogLevel level, const std::string& line);
inline void log_info(const std::string& line) { log(LogLevel::info, line); }
inline void log_warning(const std::string& line) { log(LogLevel::warning, line); }
}  // namespace parallax
