// Which of a name's addresses a new connection goes to: all in turn, but those that failed or were
// slow beside the others only when nothing else is left, until they have had time to recover. S3
// names several machines at once and changes them by the minute; one that is overloaded should not
// get its share of the parts. Pure; times are arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/s3/resolver.h"

namespace skipjack::s3 {

/// Of one name: its addresses are compared with each other.
class AddressBook {
 public:
  /// The next of these to try, of those that were not; nullptr if all were.
  const SocketAddress* next(const std::vector<SocketAddress>& addresses,
                            const std::vector<SocketAddress>& tried, Duration now);
  /// No connection, or one that fell silent.
  void failed(const SocketAddress& address, Duration now);
  /// A body of so many bytes took so long. Short ones say nothing of rates and are left out.
  void took(const SocketAddress& address, std::int64_t bytes, Duration seconds, Duration now);
  /// Connections to it should not be used again.
  bool is_retired(const SocketAddress& address, Duration now) const;

 private:
  struct Entry {
    Duration retired_until = Duration::min();
    double bytes_per_second = 0;
    int num_bodies = 0;
  };
  static std::string key_of(const SocketAddress& address);

  std::map<std::string, Entry> entries_;
  std::size_t turn_ = 0;
};

}  // namespace skipjack::s3
