// Something on its way over a transport, built so that one thread drives any number of them: all
// are asked to advance, then the transport waits for the network, and so on in turn.
#pragma once

#include <memory>
#include <stop_token>

#include "skipjack/base/clock.h"
#include "skipjack/s3/token_bucket.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

/// Not thread-safe. Destroyed before its end, it takes back its requests and leaves nothing behind.
class Task {
 public:
  virtual ~Task() = default;
  /// Starts what is due; true once nothing is left to do. Throws what made it impossible.
  virtual bool advance(Duration now) = 0;
  /// How long the network may be waited for before advance() is called again. >= 0.
  virtual Duration next_event(Duration now) const = 0;
};

struct DriveOptions {
  Transport& transport;
  /// While it is in debt nothing is received; nullptr: no bound.
  TokenBucket* bandwidth = nullptr;
  /// Longest wait for bandwidth at a time.
  Duration slice = std::chrono::seconds(1);
  std::stop_token stop{};
};
/// Until the task has ended (true) or stop was requested (false). Throws what the task throws.
bool drive_to_end(Task& task, const DriveOptions& options);

}  // namespace skipjack::s3
