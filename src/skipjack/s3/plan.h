// From (object size, TransferConfig, limits) to the values that a transfer begins with. Pure.
// Values that nobody set are chosen here, from what S3 is known to give: about 90 MB/s a
// connection, 10 to 30 ms to the first byte; flight_control.h adapts them.
#pragma once

#include <cstdint>
#include <optional>

#include "skipjack/base/json.h"
#include "skipjack/s3/transfer_config.h"

namespace skipjack::s3 {

/// Bytes [begin, end) of an object.
struct ByteRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What the machine has.
struct PlanLimits {
  /// Bytes of memory; a quarter of it, at most 1 GiB, bounds the buffers if memory_limit is unset.
  std::int64_t memory_bytes = std::int64_t{4} << 30;
};

/// The values that a transfer begins with, or ran with: every field known, nothing that had no
/// effect. 100 connections for 7 parts are 7.
struct EffectiveConfig {
  std::int64_t multipart_threshold = 0;
  std::int64_t max_concurrency = 0;
  std::int64_t multipart_chunksize = 0;
  std::int64_t num_download_attempts = 0;
  std::int64_t max_io_queue = 0;
  std::int64_t io_chunksize = 0;
  bool use_threads = true;
  std::optional<std::int64_t> max_bandwidth{};
  std::int64_t memory_limit = 0;
  /// Bytes that each connection receives at a time, within memory_limit.
  std::int64_t receive_buffer = 0;
  /// Of a file: Direct if it went around the page cache, else Buffered.
  WriteMode write_mode = WriteMode::Auto;

  friend bool operator==(const EffectiveConfig&, const EffectiveConfig&) = default;
};
Json to_json(const EffectiveConfig& config);
/// The same as a configuration to run again with (without the receive buffer).
TransferConfig as_transfer_config(const EffectiveConfig& config);

struct Plan {
  /// With these values, the first request's range included; 0 for an empty object.
  std::int64_t num_parts = 0;
  EffectiveConfig config{};
};

/// Requests in flight that memory_limit has room for beside the writes. >= 1.
std::int64_t most_requests(const EffectiveConfig& config);

/// The range of the first request, which goes out before the object's size is known.
ByteRange first_range(const TransferConfig& config);

/// object_size >= 0. Throws InvalidArgument as validate() does.
Plan plan_download(std::int64_t object_size, const TransferConfig& config,
                   const PlanLimits& limits);

}  // namespace skipjack::s3
