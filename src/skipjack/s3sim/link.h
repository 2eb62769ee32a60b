// The link that all connections share, as rates set in the kernel: each sending socket is paced at
// its max-min fair share (draws.h), worked out anew when senders come and go. So the server never
// meters bytes itself, which is what keeps it cheap. A client that reads more slowly than its share
// leaves the rest unused.
#pragma once

#include <cstdint>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/s3sim/profile.h"

namespace skipjack::s3sim {

/// A socket that sends, as the link sees it; lives in its connection.
struct Sender {
  int fd = -1;
  /// Its own rate, drift aside. Bytes a second; may be infinite.
  double limit = 0;
  /// What the kernel was told; 0: nothing yet.
  double paced_at = 0;
  /// Place in the link's list; -1: not on it.
  std::int64_t index = -1;
};

/// Used by one thread.
class Link {
 public:
  /// start: the drift's time 0.
  Link(const Profile& profile, std::uint64_t seed, Duration start);

  /// The sender must leave before it is destroyed or moved.
  void join(Sender& sender, Duration now);
  void leave(Sender& sender);
  /// Sets rates if it is time to.
  void update(Duration now);
  /// When update wants to be called next; Duration::max() for never.
  Duration due() const;

 private:
  double link_rate(double drift) const;

  const Profile& profile_;
  const std::uint64_t seed_;
  const Duration start_;
  const bool limited_;
  std::vector<Sender*> senders_;
  std::vector<double> limits_;
  bool changed_ = false;
  Duration last_update_{0};
};

}  // namespace skipjack::s3sim
