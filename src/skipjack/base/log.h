// Logging front: the library hands over messages, the caller decides where they go. Secrets never
// reach a message.
#pragma once

#include <functional>
#include <string_view>

namespace skipjack {

enum class LogLevel { Debug, Note, Warning };

/// May be called from any thread. Empty: messages are dropped.
using LogSink = std::function<void(LogLevel, std::string_view message)>;

inline void log(const LogSink& sink, LogLevel level, std::string_view message) {
  if (sink) sink(level, message);
}

}  // namespace skipjack
