#include "skipjack/s3/plan.h"

#include <algorithm>
#include <bit>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

// Connections when nobody says: one carries about 90 MB/s [S3 performance guidance: one connection
// for each 85-90 MB/s], and 32 of them are what one event loop can take in (2.9 GB/s); on slower
// links more than needed costs little, fewer than needed costs in proportion.
constexpr std::int64_t kAutoConcurrency = 32;
// The first request, before the size is known. Not larger than the share of each connection in an
// object of 32 MiB and more, or it ends last, alone on a link that is free (bench/s3/auto_twin);
// large enough that most small objects are one request.
constexpr std::int64_t kAutoFirstPart = 2 * kMiB;
// A part much smaller than (time to first byte x rate), 1 to 3 MB, leaves the connection idle half
// of the time; one larger than 16 MiB gains under 15 % and makes the last wave long [S3 guidance:
// 8-16 MiB].
constexpr std::int64_t kAutoSmallestPart = 2 * kMiB;
constexpr std::int64_t kAutoLargestPart = 16 * kMiB;
// Parts begin at multiples of this where the engine chooses: whole pages and whole write blocks.
constexpr std::int64_t kAutoAlignment = 64 * kKiB;
// Bytes of a write: larger ones save little more CPU and cost memory for each connection. Fresh
// memory costs more CPU than the longer writes save (docs/s3-speed.md), so where a connection would
// not fill its buffer several times it is smaller.
constexpr std::int64_t kAutoWrite = 4 * kMiB;
constexpr std::int64_t kAutoSmallestWrite = kMiB;
constexpr std::int64_t kFillings = 4;
constexpr std::int64_t kSmallestWrite = 64 * kKiB;
constexpr std::int64_t kAutoOutstandingWrites = 8;
// What one reception takes from the socket.
constexpr std::int64_t kReceiveBuffer = kMiB;
constexpr std::int64_t kSmallestReceiveBuffer = 16 * kKiB;
// What a connection holds beside that: OpenSSL's state and records, 64 KB measured
// over 1,000 connections, and room for longer chains of certificates.
constexpr std::int64_t kConnectionBytes = 96 * kKiB;
// With max_bandwidth, all connections together take in at most a fiftieth of a second's worth at a
// time, so that the rate is kept over short spans too.
constexpr std::int64_t kBandwidthSlices = 50;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

/// Size of the parts after the first, so that all parts fill whole waves of `connections`: a wave
/// that is not full wastes connections (12 parts over 10 are two waves at 60 %).
std::int64_t auto_chunksize(std::int64_t rest, std::int64_t connections) {
  const std::int64_t waves = ceil_div(1 + ceil_div(rest, kAutoLargestPart), connections);
  const std::int64_t parts_after_first = std::max<std::int64_t>(1, waves * connections - 1);
  const std::int64_t chunk =
      std::clamp(ceil_div(rest, parts_after_first), kAutoSmallestPart, kAutoLargestPart);
  return ceil_div(chunk, kAutoAlignment) * kAutoAlignment;
}

/// Bytes of a write where each connection brings so many: fresh memory is dear, so each buffer is
/// to be filled several times.
std::int64_t auto_write(std::int64_t share) {
  const auto wanted = static_cast<std::uint64_t>(std::max<std::int64_t>(1, share / kFillings));
  return std::clamp(static_cast<std::int64_t>(std::bit_floor(wanted)), kAutoSmallestWrite,
                    kAutoWrite);
}

std::int64_t connection_bytes(const EffectiveConfig& config) {
  return config.io_chunksize + config.receive_buffer + kConnectionBytes;
}

/// Makes connections * (write + reception + state) + queue * write fit into the limit: first
/// shorter writes, then a shorter queue, then fewer connections. The receive buffer shrinks with
/// the writes.
void fit_memory(EffectiveConfig& config) {
  const std::int64_t limit = config.memory_limit;
  // Half for what connections fill, half for what waits to be written.
  const std::int64_t share =
      std::max(kSmallestWrite, limit / 2 / config.max_concurrency - kConnectionBytes);
  if (config.receive_buffer > share / 4)
    config.receive_buffer = std::max(kSmallestReceiveBuffer, share / 4);
  if (config.io_chunksize + config.receive_buffer > share)
    config.io_chunksize =
        std::max(std::min(config.io_chunksize, kSmallestWrite), share - config.receive_buffer);
  const std::int64_t most_connections =
      std::max<std::int64_t>(1, (limit - config.io_chunksize) / connection_bytes(config));
  config.max_concurrency = std::min(config.max_concurrency, most_connections);
  const std::int64_t left = limit - config.max_concurrency * connection_bytes(config);
  config.max_io_queue =
      std::min(config.max_io_queue, std::max<std::int64_t>(1, left / config.io_chunksize));
}

}  // namespace

Json to_json(const EffectiveConfig& config) {
  Json object{Json::Object{}};
  object.set("multipart_threshold", config.multipart_threshold);
  object.set("max_concurrency", config.max_concurrency);
  object.set("multipart_chunksize", config.multipart_chunksize);
  object.set("num_download_attempts", config.num_download_attempts);
  object.set("max_io_queue", config.max_io_queue);
  object.set("io_chunksize", config.io_chunksize);
  object.set("use_threads", config.use_threads);
  object.set("max_bandwidth", config.max_bandwidth ? Json(*config.max_bandwidth) : Json());
  object.set("memory_limit", config.memory_limit);
  object.set("receive_buffer", config.receive_buffer);
  object.set("write_mode", std::string(to_string(config.write_mode)));
  return object;
}

TransferConfig as_transfer_config(const EffectiveConfig& config) {
  return {.multipart_threshold = config.multipart_threshold,
          .max_concurrency = config.max_concurrency,
          .multipart_chunksize = config.multipart_chunksize,
          .num_download_attempts = config.num_download_attempts,
          .max_io_queue = config.max_io_queue,
          .io_chunksize = config.io_chunksize,
          .use_threads = config.use_threads,
          .max_bandwidth = config.max_bandwidth,
          .memory_limit = config.memory_limit,
          .write_mode = config.write_mode};
}

std::int64_t most_requests(const EffectiveConfig& config) {
  const std::int64_t left = config.memory_limit - config.max_io_queue * config.io_chunksize;
  return std::max<std::int64_t>(1, left / connection_bytes(config));
}

ByteRange first_range(const TransferConfig& config) {
  return {0, config.multipart_chunksize.value_or(kAutoFirstPart)};
}

Plan plan_download(std::int64_t object_size, const TransferConfig& config,
                   const PlanLimits& limits) {
  validate(config);
  SKIPJACK_CHECK(object_size >= 0);
  const TransferConfig boto3 = with_boto3_defaults(config);

  Plan plan;
  EffectiveConfig& effective = plan.config;
  // Unset, it says what happens: an object within the first request's range is that one request.
  effective.multipart_threshold = config.multipart_threshold.value_or(first_range(config).end);
  effective.num_download_attempts = *boto3.num_download_attempts;
  effective.use_threads = *boto3.use_threads;
  effective.max_bandwidth = config.max_bandwidth;
  effective.memory_limit =
      config.memory_limit.value_or(std::clamp(limits.memory_bytes / 4, 64 * kMiB, kGiB));
  effective.max_concurrency = config.max_concurrency.value_or(kAutoConcurrency);
  effective.receive_buffer = kReceiveBuffer;
  effective.write_mode = config.write_mode;

  const std::int64_t first = std::min(first_range(config).end, object_size);
  const std::int64_t rest = object_size - first;
  // An explicit threshold says where one connection is enough; so do threads that are not wanted.
  const bool one_connection = !effective.use_threads || (config.multipart_threshold &&
                                                         object_size < *config.multipart_threshold);
  if (one_connection) effective.max_concurrency = 1;

  std::int64_t chunk = 0;
  if (config.multipart_chunksize)
    chunk = *config.multipart_chunksize;
  else if (one_connection)
    chunk = kAutoLargestPart;
  else
    chunk = auto_chunksize(rest, effective.max_concurrency);
  // Below the threshold what is left after the first answer is one request, as in boto3 (HEAD and
  // GET).
  if (one_connection && effective.use_threads) chunk = std::max(chunk, rest);

  if (object_size > 0) plan.num_parts = 1 + ceil_div(rest, chunk);
  effective.multipart_chunksize = chunk;
  effective.max_concurrency =
      std::clamp<std::int64_t>(plan.num_parts, 1, effective.max_concurrency);

  const std::int64_t longest_part = std::max<std::int64_t>({1, first, std::min(chunk, rest)});
  // What is in buffers is lost when a download that is to be resumed is killed.
  const std::int64_t write = config.resume.value_or(false)
                                 ? kAutoSmallestWrite
                                 : auto_write(rest / effective.max_concurrency);
  effective.io_chunksize = std::min(config.io_chunksize.value_or(write), longest_part);
  effective.max_io_queue =
      effective.use_threads ? config.max_io_queue.value_or(kAutoOutstandingWrites) : 1;
  if (effective.max_bandwidth)
    effective.receive_buffer =
        std::clamp(*effective.max_bandwidth / kBandwidthSlices / effective.max_concurrency,
                   kSmallestReceiveBuffer, kReceiveBuffer);
  fit_memory(effective);
  return plan;
}

}  // namespace skipjack::s3
