// Many objects removed in one call, each by a request of its own, many at a time: that works with
// every store, and at S3's rate for one prefix it is as fast as batches.
#pragma once

#include "skipjack/s3/download_many.h"

namespace skipjack::s3 {

struct RemoveManyOptions {
  std::vector<ObjectAddress> objects{};
  std::optional<ListedObjects> listed{};
  bool is_requester_paying = false;
  /// Requests on their way. >= 1.
  std::int64_t max_concurrency = 64;
  std::function<void(const ObjectEnd&)> on_end{};
  std::stop_token stop{};
};

/// An object that isn't there counts as removed, as S3 has it. Throws what the listing throws, and
/// Cancelled.
ManyCounts run_remove_many(Requester& requester, const RemoveManyOptions& options);

}  // namespace skipjack::s3
