// An S3-compatible server in this process with a model of the network in front of it: real sockets
// and HTTP/1.1 on one epoll thread, bodies by sendfile, the rate of a connection by the kernel's
// own pacing (SO_MAX_PACING_RATE, which works on loopback), the link by sharing its rate out over
// the connections that are sending, the first byte by a timer. Every draw is a function of (seed,
// number of the connection, number of the request on it), so two clients meet the same world.
// Speaks path-style GET, HEAD, PUT and DELETE of objects, ListObjects (both versions), ListBuckets,
// CreateBucket, HeadBucket, GetBucketLocation. Multi-part uploads are answered by 501
// NotImplemented. No TLS.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/clock.h"
#include "skipjack/base/log.h"
#include "skipjack/s3sim/fault_script.h"
#include "skipjack/s3sim/profile.h"

namespace skipjack::s3sim {

/// An object whose bytes are computed (synthetic.h): any size, no disk, no memory of its own.
struct SyntheticObject {
  std::string bucket;
  std::string key;
  /// Bytes, >= 0.
  std::int64_t size = 0;
};

/// "bucket/key=1GiB", as the command line writes it. Throws InvalidArgument.
SyntheticObject parse_synthetic_object(std::string_view text);

struct ServerOptions {
  /// Numeric IPv4 or IPv6 address to listen on. Default loopback: the server is for tests and
  /// tuning on one machine.
  std::string host = "127.0.0.1";
  /// TCP port in [0, 65535]; 0 lets the system choose.
  int port = 0;
  Profile profile{};
  /// Faults on cue, beside the profile's.
  FaultScript faults{};
  /// Seed of all draws and of the synthetic bytes.
  std::uint64_t seed = 1;
  /// With a key, every request must carry a valid AWS Signature Version 4 made with it (header or
  /// presigned); with both empty, signatures are not looked at. One without the other is
  /// InvalidArgument.
  std::string access_key{};
  std::string secret_key{};
  /// Region named in answers; a signature may name any region.
  std::string region = "us-east-1";
  /// Buckets that exist from the start, beside those of objects and folder.
  std::vector<std::string> buckets{};
  std::vector<SyntheticObject> objects{};
  /// Folder whose sub-folders are buckets and whose files are objects, read only; empty: none.
  /// A key can't leave it, by ".." or by a symbolic link.
  std::string folder{};
  /// Bytes that PUT objects may take together; more is answered by 507 InsufficientCapacity. >= 0.
  std::int64_t memory_limit = std::int64_t{4} << 30;
  /// Connections open at once; more are closed as they come. >= 1.
  int max_connections = 4096;
  /// A connection without progress for so long is closed. > 0.
  Duration idle_timeout = std::chrono::seconds(120);
  /// Unix time for the age of signatures and for Date; must outlive the server.
  const Clock* clock = &system_clock();
  /// One line a request at Debug, trouble at Warning; called from the server's thread.
  LogSink log{};
};

/// How an object came, as far as S3 shows it.
struct PutAs {
  /// "crc64nvme", "crc32c", "crc32", "sha256" or "sha1"; empty: S3 keeps none, as of old objects.
  std::string checksum = "crc64nvme";
  /// Bytes of a part of a multi-part upload, >= 1; unset: one PUT.
  std::optional<std::int64_t> part_bytes{};
};

/// Counts since the start.
struct ServerStats {
  std::int64_t requests = 0;
  /// Of GET bodies handed to the kernel.
  std::int64_t body_bytes_sent = 0;
  std::int64_t body_bytes_received = 0;
  std::int64_t connections_accepted = 0;
  std::int64_t open_connections = 0;
  /// Most connections that were open at once.
  std::int64_t peak_connections = 0;
  /// Answers with status 400 to 499 and 500 to 599, injected ones included.
  std::int64_t client_errors = 0;
  std::int64_t server_errors = 0;
  /// Faults that the profile's odds and the script brought.
  std::int64_t injected_faults = 0;
  /// CPU time of the server's thread, system time included.
  double cpu_seconds = 0;
};

/// Listens and serves from construction to stop() or destruction. All members are thread-safe.
class Server {
 public:
  /// Throws InvalidArgument for bad options, Io or PermissionDenied if it can't listen, NotFound
  /// for the folder.
  explicit Server(ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  /// "http://127.0.0.1:9000"
  std::string endpoint_url() const;
  const Profile& profile() const;
  ServerStats stats() const;
  /// Adds or replaces an object; the bucket comes into being.
  void put_object(const std::string& bucket, const std::string& key, std::string_view bytes,
                  const PutAs& as = {});
  void add_object(const SyntheticObject& object);
  void remove_object(const std::string& bucket, const std::string& key);
  /// Closes the listening socket and all connections, waits for the thread. May be called again.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skipjack::s3sim
