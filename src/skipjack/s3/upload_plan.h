// From size and TransferConfig to the parts of an upload, as boto3 cuts them: the same sizes give
// the same ETag. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "skipjack/s3/plan.h"
#include "skipjack/s3/transfer_config.h"

namespace skipjack::s3 {

/// S3's bounds [S3 User Guide, "Amazon S3 multipart upload limits"].
inline constexpr std::int64_t kSmallestUploadPart = std::int64_t{5} << 20;
inline constexpr std::int64_t kLargestUploadPart = std::int64_t{5} << 30;
inline constexpr std::int64_t kMostUploadParts = 10000;

struct UploadPlan {
  /// Empty: one PUT.
  bool is_multipart = false;
  /// Of every part but the last.
  std::int64_t part_bytes = 0;
  /// Parts on their way at a time, their bytes within memory_limit.
  std::int64_t max_concurrency = 1;
};

/// size: nullopt if only the end of the stream tells. Throws InvalidArgument as validate() does,
/// for more bytes than S3 takes, and for a memory limit below one part.
UploadPlan plan_upload(std::optional<std::int64_t> size, const TransferConfig& config,
                       const PlanLimits& limits);

}  // namespace skipjack::s3
