#include "skipjack/s3/upload_plan.h"

#include <algorithm>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

// As many as keep a 10 Gbit/s link busy at 90 MB/s each.
constexpr std::int64_t kAutoConcurrency = 16;

std::int64_t num_parts(std::int64_t size, std::int64_t part) {
  return size / part + (size % part != 0 ? 1 : 0);
}

}  // namespace

UploadPlan plan_upload(std::optional<std::int64_t> size, const TransferConfig& config,
                       const PlanLimits& limits) {
  validate(config);
  const TransferConfig boto3 = with_boto3_defaults(config);
  constexpr std::int64_t kLargestObject = kMostUploadParts * kLargestUploadPart;
  if (size && *size > kLargestObject)
    throw Error(ErrorCode::InvalidArgument, "an object of " + std::to_string(*size) +
                                                " bytes is too large; S3 takes at most " +
                                                std::to_string(kLargestObject));
  UploadPlan plan;
  const std::int64_t memory = plan_download(0, config, limits).config.memory_limit;
  plan.is_multipart =
      !size || *size >= *boto3.multipart_threshold || *size > kLargestUploadPart || *size > memory;
  plan.part_bytes = std::min(*boto3.multipart_chunksize, kLargestUploadPart);
  while (size && num_parts(*size, plan.part_bytes) > kMostUploadParts) plan.part_bytes *= 2;
  plan.part_bytes = std::clamp(plan.part_bytes, kSmallestUploadPart, kLargestUploadPart);
  const std::int64_t piece = plan.is_multipart ? plan.part_bytes : std::max<std::int64_t>(1, *size);
  if (plan.is_multipart && piece > memory)
    throw Error(ErrorCode::InvalidArgument,
                "memory_limit = " + std::to_string(memory) + " must be >= the " +
                    std::to_string(piece) + " bytes of a part",
                "raise memory_limit, or lower multipart_chunksize");
  const std::int64_t wanted =
      *boto3.use_threads ? config.max_concurrency.value_or(kAutoConcurrency) : 1;
  plan.max_concurrency = std::clamp<std::int64_t>(memory / piece, 1, wanted);
  if (size)
    plan.max_concurrency =
        std::min(plan.max_concurrency, std::max<std::int64_t>(1, num_parts(*size, piece)));
  return plan;
}

}  // namespace skipjack::s3
