// How a transfer is run: boto3's TransferConfig with its names, units, defaults and validation. A
// field that nobody set means "auto" to the engine (see plan.h) and boto3's default to whoever
// reads it. boto3's preferred_transfer_client has no meaning and is refused here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/json.h"

namespace skipjack::s3 {

/// The values of AWS's response_checksum_validation.
enum class ChecksumValidation {
  WhenSupported,  ///< downloads are verified wherever the server has a checksum.
  WhenRequired,   ///< only where S3 insists, which for downloads is nowhere.
};
std::string_view to_string(ChecksumValidation validation);
/// "when_supported", "when_required"; throws InvalidArgument for anything else.
ChecksumValidation checksum_validation(std::string_view text);

/// How a file is written.
enum class WriteMode {
  Auto,      ///< around the page cache where the file is large and the file system can.
  Buffered,  ///< through the page cache: right for a file that is read at once.
  Direct,    ///< around it; Unsupported where the file system can't.
};
std::string_view to_string(WriteMode mode);
/// Throws InvalidArgument.
WriteMode parse_write_mode(std::string_view text);

struct TransferConfig {
  /// Objects smaller than this are fetched over one connection. Bytes, >= 1; boto3: 8 MiB.
  std::optional<std::int64_t> multipart_threshold{};
  /// Connections at the same time. >= 1; boto3: 10. More than there are parts are not opened.
  std::optional<std::int64_t> max_concurrency{};
  /// Size of a part, the range that one request asks for. Bytes, >= 1; boto3: 8 MiB.
  std::optional<std::int64_t> multipart_chunksize{};
  /// Attempts for each part in all, the first included. >= 1; boto3: 5.
  std::optional<std::int64_t> num_download_attempts{};
  /// Writes outstanding: handed to the writer and not yet done. >= 1; boto3: 100. Bounded by
  /// memory_limit.
  std::optional<std::int64_t> max_io_queue{};
  /// Size of one write to the target. Bytes, >= 1; boto3: 256 KiB. Larger writes cost less CPU and
  /// more memory; bounded by the size of a part and by memory_limit.
  std::optional<std::int64_t> io_chunksize{};
  /// False: part after part over one connection, written by the calling thread, no other thread;
  /// max_concurrency and max_io_queue are then 1. boto3: true.
  std::optional<bool> use_threads{};
  /// Cap over all connections together. Bytes per second, >= 1; boto3: none.
  std::optional<std::int64_t> max_bandwidth{};
  /// Bound on the buffers between network and target (an object fetched into memory not included).
  /// Bytes, >= 1 MiB. Not in boto3, whose bound is max_io_queue * io_chunksize.
  std::optional<std::int64_t> memory_limit{};
  /// Whether, at the end of an object, bytes that are late are asked for a second time, up to a
  /// twentieth of the object's. Not in boto3. Unset: true.
  std::optional<bool> hedge{};
  /// Whether a download to a file that breaks off, or is killed, leaves what it has beside the
  /// target, and goes on from there when it is called again, if the object is still the same
  /// (ETag, size, version). Not in boto3. Unset: false.
  std::optional<bool> resume{};
  /// Whether a file and its name are on the disk before the download is said to be done, so that
  /// also a loss of power leaves the whole object or none; it takes as long as the disk does, and
  /// cancelling has to wait for a sync that has begun. Not in boto3. Unset: false.
  std::optional<bool> fsync{};
  /// Whether bytes are held against the server's checksum. Default WhenSupported; WhenRequired is
  /// the way out for servers that stumble over x-amz-checksum headers. In boto3 a setting of the
  /// client, with the same names.
  std::optional<ChecksumValidation> checksum{};
  /// Of files. Not in boto3, which writes through the page cache.
  WriteMode write_mode = WriteMode::Auto;
  /// TransportOptions::endpoint_ips for this transfer's new connections. Not in boto3. Unset: the
  /// client's.
  std::optional<std::vector<std::string>> endpoint_ips{};

  friend bool operator==(const TransferConfig&, const TransferConfig&) = default;
};

/// Whether downloads are verified where they can be.
inline ChecksumValidation validation_of(const TransferConfig& config) {
  return config.checksum.value_or(ChecksumValidation::WhenSupported);
}

/// Every field set as boto3 sets it; max_bandwidth, memory_limit and checksum stay unset, as there.
TransferConfig boto3_defaults();
/// What reading the fields gives in boto3: config with its defaults where nothing is set.
TransferConfig with_boto3_defaults(const TransferConfig& config);

/// Throws InvalidArgument for a set value outside its range: `max_concurrency = 0 must be >= 1`.
void validate(const TransferConfig& config);
/// Throws InvalidArgument for what is no IPv4 or IPv6 address.
void validate_endpoint_ips(const std::vector<std::string>& addresses);

/// A flat object with boto3's names (and its aliases max_request_concurrency and
/// max_io_queue_size); null is unset; sizes may be texts such as "8MiB". Validated. Throws
/// InvalidArgument naming the key.
TransferConfig transfer_config_from_json(const Json& object);
/// The set fields only.
Json to_json(const TransferConfig& config);

}  // namespace skipjack::s3
