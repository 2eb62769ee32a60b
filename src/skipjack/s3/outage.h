// A server that answered before and now refuses connections: it is being restarted, as a rule, and
// is waited for. The requests of a client share one Outage, so that it is asked now and then
// whether it is back, not by each of them. Pure: time and chance come in as arguments.
#pragma once

#include <optional>

#include "skipjack/base/clock.h"

namespace skipjack::s3 {

class Outage {
 public:
  /// So long a server is waited for. A restart takes seconds; who is away for longer should be told
  /// of.
  static constexpr Duration kLongest = std::chrono::seconds(10);

  /// The server has answered: it is there.
  void answered();
  /// A connection failed. Whether the request may be made again without being counted as an
  /// attempt: not before the server has ever answered, nor beyond kLongest. u is uniform on [0, 1).
  bool refused(Duration now, double u);
  /// Whether a request may start now. During an outage that uses up the turn: the next one comes
  /// after half to once the time that the outage has lasted, at most a second.
  bool take_turn(Duration now);
  /// Whether requests have to wait for their turn.
  bool is_on(Duration now) const { return since_ && now - *since_ < kLongest; }
  /// Until take_turn() says yes; 0 if it would now.
  Duration wait(Duration now) const;
  /// Forgets since when the server is away, not that it was there: what begins now has kLongest of
  /// its own.
  void begin() { since_.reset(); }

 private:
  bool has_answered_ = false;
  /// Set: an outage.
  std::optional<Duration> since_;
  Duration next_turn_{0};
  /// In [0.5, 1), of the next waits: clients that lost the same server don't come back in step.
  double jitter_ = 1;
};

}  // namespace skipjack::s3
