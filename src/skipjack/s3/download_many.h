// Many objects in one call: those that are named, and those that a listing finds, which goes on
// while the first ones are on their way. Small objects are one GET each, many at a time, and are
// written by a few threads; large ones are downloads in parts, one after the other, the next one
// beginning when the last part of the one before is on its way. One thread for the network, memory
// bounded over all of it.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skipjack/s3/client.h"
#include "skipjack/s3/list.h"

namespace skipjack::s3 {

/// Files below a folder, which is made; see target_tree.h for what names may be.
struct IntoFolder {
  std::filesystem::path folder;
  /// The file's name below the folder. A name that ends with '/' makes a folder, if the object is
  /// empty.
  std::function<std::string(const ObjectAddress&)> name;
};
/// Each object whole, to the calling thread. An Error that take throws is that of the object.
struct EachInMemory {
  std::function<void(const ObjectAddress&, std::string_view bytes)> take;
};

/// How one object ended.
struct ObjectEnd {
  ObjectAddress object;
  std::int64_t bytes = 0;
  std::optional<Error> error{};
};

struct ManyCounts {
  std::int64_t objects_done = 0, objects_failed = 0;
  /// While the transfer goes on, with what has come, or S3 has confirmed, of large objects.
  std::int64_t bytes_done = 0;
  /// Of bytes_done, those that an earlier download had left.
  std::int64_t bytes_resumed = 0;
  /// Found so far; bytes only of those whose size a listing told.
  std::int64_t objects_known = 0, bytes_known = 0;
  bool is_listing_complete = true;
};

struct ListedObjects {
  ListOptions list{};
  /// All, unless set.
  std::function<bool(const ListedObject&)> is_wanted{};
};

struct DownloadManyOptions {
  std::vector<ObjectAddress> objects{};
  std::optional<ListedObjects> listed{};
  std::variant<IntoFolder, EachInMemory> target{};
  ObjectAccess access{};
  /// max_concurrency bounds small objects on their way, and the parts of a large one. Unset: 128
  /// small ones. Fewer while the store asks for that (request_window.h).
  TransferConfig config{};
  /// In the order in which they end. By the calling thread.
  std::function<void(const ObjectEnd&)> on_end{};
  /// By the calling thread, at most every progress_interval and once at the end.
  std::function<void(const ManyCounts&)> progress{};
  Duration progress_interval = std::chrono::milliseconds(100);
  std::stop_token stop{};
};

struct DownloadManyResult {
  ManyCounts counts;
  Duration duration{0};
  std::int64_t num_connections = 0;
  /// Most bytes of small objects that were held at one time.
  std::int64_t peak_small_bytes = 0;
};

/// What goes wrong with one object is told to on_end and counted, and the others go on; what goes
/// wrong with the listing or the disk (Io), and a stop, is thrown. Whatever happens, a file has its
/// name only if it is complete.
DownloadManyResult run_download_many(Requester& requester, const DownloadManyOptions& options);

}  // namespace skipjack::s3
