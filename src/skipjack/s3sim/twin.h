// The network model without sockets: how long a profile lets a download take, at best and with a
// client that works as boto3 does. The discrete twin makes the same draws as the server for the
// same seed and connection numbers, so thousands of configurations can be tried in a second and a
// tuner's choice can be compared with the best of a grid. It knows nothing of the client's CPU,
// memory or disk.
#pragma once

#include <cstdint>
#include <functional>

#include "skipjack/s3sim/profile.h"

namespace skipjack::s3sim {

/// The least time that a client without costs of its own can hope for on the profile:
///   connect_seconds + max(first_byte_floor, first_byte_median) + size / link_bytes_per_second
/// one first byte and then a full link, size known beforehand, drift at its mean. Without a link
/// limit the last term is 0. size in bytes, >= 0.
double ideal_seconds(const Profile& profile, std::int64_t size);

struct TwinOptions {
  /// Bytes of the object, >= 0.
  std::int64_t size = 0;
  /// Connections at once, >= 1; no more than there are parts are used.
  int concurrency = 10;
  /// Bytes of a part, >= 1. An object smaller than one is fetched by one plain GET, like boto3's.
  std::int64_t part_size = 8 << 20;
  /// The server's seed.
  std::uint64_t seed = 1;
  /// Number of the first connection: how many the server accepted before. Another number, another
  /// draw.
  std::uint64_t first_connection = 0;
  /// Seconds since the server's start, for the drift.
  double start_seconds = 0;
  /// Called whenever the flow changes, with the seconds since the first connect and the bytes that
  /// have arrived by then; in between they grow linearly. The last call has all of them. May be
  /// empty.
  std::function<void(double seconds, double bytes)> on_progress = {};
};

/// Seconds from the first connect to the last byte for a client that asks for the size by HEAD,
/// then fetches the parts in order on `concurrency` connections that each live on and take the next
/// part when done. Faults are not simulated. O(parts * concurrency). Throws InvalidArgument.
double simulate_download(const Profile& profile, const TwinOptions& options);

}  // namespace skipjack::s3sim
