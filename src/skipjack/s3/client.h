// The front of the engine: fetch an object into a file, into memory, to a consumer in order, or
// nowhere; send, list and remove. Downloads begin with a ranged GET that also tells size and
// ETag (no HEAD); the other connections are opened once it has answered. Later parts ask with
// If-Match, so a file never mixes two versions, and what came is held against the server's checksum
// (object_checksum.h). What is done with many objects at a time has headers of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include "skipjack/base/clock.h"
#include "skipjack/base/json.h"
#include "skipjack/base/log.h"
#include "skipjack/s3/credentials.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/object_access.h"
#include "skipjack/s3/plan.h"
#include "skipjack/s3/transfer_config.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

struct ClientOptions {
  EndpointOptions endpoint{};
  /// Keys for as long as the client lives. Anonymous unless set.
  Credentials credentials{};
  /// Set: comes before credentials. load_aws_settings() finds whoever provides keys here.
  std::shared_ptr<CredentialsProvider> credentials_provider{};
  TransportOptions transport{};
  /// Another transport than sockets, or libcurl's where there is a proxy; for tests. Called once.
  std::function<std::unique_ptr<Transport>(const TransportOptions&)> make_transport{};
  /// Seed of the retries' jitter; unset: drawn from the operating system.
  std::optional<std::uint64_t> seed{};
  LogSink log{};
};

/// Whether requests go out unsigned.
inline bool is_anonymous(const ClientOptions& options) {
  return !options.credentials_provider && options.credentials.anonymous();
}

/// An object's bytes, kept for the caller.
struct MemoryObject {
  struct Free {
    void operator()(std::byte* pointer) const { std::free(pointer); }
  };
  std::unique_ptr<std::byte[], Free> bytes;
  std::size_t size = 0;
  std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.get()), bytes ? size : 0};
  }
};

/// Gets its name when it is complete, and then replaces what is there; until then it has none, or a
/// temporary one beside it where the file system can't do without (see sink.h). A character device
/// (/dev/null) is written to directly.
struct ToFile {
  std::filesystem::path path;
  /// What messages call it; empty: path.
  std::string shown{};
};
/// The bytes come back in DownloadResult::memory.
struct ToMemory {};
/// Received and dropped: measures the network.
struct Discard {};
/// Every byte once and in order, as soon as those before it are there: for pipes and parsers. Half
/// of the memory limit holds back what comes early.
struct ToConsumer {
  /// Called by the writing thread (the calling one with use_threads = false). May wait, and so slow
  /// the download down; what it throws ends the download.
  std::function<void(std::span<const std::byte>)> consume;
};
using DownloadTarget = std::variant<ToFile, ToMemory, Discard, ToConsumer>;

/// Bytes [begin, end) of an object, up to its end if none is given; cut to the object.
struct ByteSpan {
  std::int64_t begin = 0;
  std::optional<std::int64_t> end{};
};
/// The last bytes of an object, all if it has fewer.
struct LastBytes {
  std::int64_t count = 0;
};

struct DownloadOptions {
  ObjectAddress object{};
  std::string version_id{};  ///< empty: the current version.
  /// Part of the object. Whole objects if unset.
  std::optional<std::variant<ByteSpan, LastBytes>> range{};
  /// Only if the object still has this ETag (quotes included); empty: whatever it has.
  std::string if_match{};
  ObjectAccess access{};
  DownloadTarget target = Discard{};
  TransferConfig config{};
  /// Says where max_concurrency and multipart_chunksize begin if config leaves them out, from an
  /// earlier tuning for example; measuring goes on from there. Its other fields mean nothing.
  /// Called once the bytes to be fetched are known, by the calling thread, if more than one
  /// connection may be used and their number is not given. Empty: nothing is known.
  std::function<TransferConfig(std::int64_t bytes)> start{};
  /// Called by the calling thread, at most every progress_interval and once at the end. total is
  /// known from the first answer on. Never goes back.
  std::function<void(std::int64_t bytes_done, std::optional<std::int64_t> total)> progress{};
  Duration progress_interval = std::chrono::milliseconds(100);
  /// Ends the download within milliseconds with Error Cancelled; nothing is left behind.
  std::stop_token stop{};
};

/// What the bytes of a download were verified against, or why they weren't.
struct ChecksumOutcome {
  std::string verified{};  ///< "CRC64NVME", "CRC32 of each part"; empty: nothing.
  std::string note{};      ///< why nothing; empty if something was.
};

struct DownloadResult {
  std::int64_t bytes = 0;
  /// From the call until the file has its name.
  Duration duration{0};
  /// From the call until the first answer's headers.
  Duration time_to_first_byte{0};
  EffectiveConfig config;
  std::int64_t num_parts = 0;
  /// Of the object's bytes, those that an earlier download to the same file had left.
  std::int64_t resumed_bytes = 0;
  /// HTTP requests sent, retries included.
  std::int64_t num_requests = 0;
  std::int64_t num_retries = 0;
  /// Second requests for bytes that were late, and the bytes that came twice for it.
  std::int64_t num_hedges = 0;
  std::int64_t hedged_bytes = 0;
  /// New connections made for this download.
  std::int64_t num_connections = 0;
  /// Most bytes that were held in buffers at one time.
  std::int64_t peak_buffer_bytes = 0;
  std::string etag;  ///< as sent, quotes included; empty if the server sent none.
  std::string version_id;
  ChecksumOutcome checksum;
  MemoryObject memory;

  /// Of what was fetched: resumed bytes are no speed.
  double bytes_per_second() const;
};
/// Without the bytes.
Json to_json(const DownloadResult& result);

struct ObjectSummary {
  std::int64_t size = 0;
  std::string etag;
  std::string version_id;
  std::string last_modified;  ///< as sent.
  std::string content_type;
  std::string server;  ///< the Server header: who answered.
};

struct HeadOptions {
  std::string version_id{};  ///< empty: the current version.
  ObjectAccess access{};
};

struct PutOptions {
  ObjectAddress object{};
  ObjectAccess access{};
  /// Must outlive the call. At most 5 GiB, S3's bound for one PUT.
  std::string_view bytes{};
  std::string content_type = "application/octet-stream";
  std::stop_token stop{};
};

struct DownloadManyOptions;
struct DownloadManyResult;
struct ListOptions;
struct ListPage;
struct ManyCounts;
struct RemoveManyOptions;
struct UploadManyOptions;
struct UploadOptions;
struct UploadResult;

/// One endpoint and one identity; connections stay open from call to call. One call at a time: use
/// a client per thread. Every call throws Error: NotFound (bucket or key), PermissionDenied (keys,
/// policy, folder), Network (unreachable, or attempts used up), Timeout, Corrupted (object changed
/// on the way, answers that contradict themselves), Io (disk), InvalidArgument, Cancelled,
/// Unsupported.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  DownloadResult download(const DownloadOptions& options);
  /// See download_many.h.
  DownloadManyResult download_many(const DownloadManyOptions& options);
  ObjectSummary head_object(const ObjectAddress& object, const HeadOptions& options = {});
  /// See upload.h and upload_many.h.
  UploadResult upload(const UploadOptions& options);
  ManyCounts upload_many(const UploadManyOptions& options);
  /// See remove_many.h.
  ManyCounts remove_many(const RemoveManyOptions& options);
  /// Hands out page after page until there is none more or take says false. See list.h.
  void list(const ListOptions& options, const std::function<bool(const ListPage&)>& take,
            const std::stop_token& stop = {});
  /// Replaces the object. Returns its ETag.
  std::string put_object(const PutOptions& options);
  /// Does nothing if the caller owns the bucket already.
  void create_bucket(const std::string& bucket);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skipjack::s3
