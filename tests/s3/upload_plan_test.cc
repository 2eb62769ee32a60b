// How an upload is cut into parts.
#include "skipjack/s3/upload_plan.h"

#include <gtest/gtest.h>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

TEST(UploadPlan, PartsAreThoseOfBoto3) {
  // s3transfer.utils.ChunksizeAdjuster().adjust_chunksize(chunk, size), version 0.19.3.
  struct Case {
    std::int64_t chunk, size, adjusted;
  };
  for (const Case& c : {Case{1, 10485760, 5242880},
                        Case{1, 1073741824, 5242880},
                        Case{1, 107374182400, 16777216},
                        Case{1, 1073741824000, 134217728},
                        Case{1, 5497558138880, 1073741824},
                        Case{1048576, 10485760, 5242880},
                        Case{1048576, 1073741824, 5242880},
                        Case{1048576, 107374182400, 16777216},
                        Case{1048576, 1073741824000, 134217728},
                        Case{1048576, 5497558138880, 1073741824},
                        Case{5242880, 10485760, 5242880},
                        Case{5242880, 1073741824, 5242880},
                        Case{5242880, 107374182400, 20971520},
                        Case{5242880, 1073741824000, 167772160},
                        Case{5242880, 5497558138880, 671088640},
                        Case{8388608, 10485760, 8388608},
                        Case{8388608, 1073741824, 8388608},
                        Case{8388608, 107374182400, 16777216},
                        Case{8388608, 1073741824000, 134217728},
                        Case{8388608, 5497558138880, 1073741824},
                        Case{67108864, 10485760, 67108864},
                        Case{67108864, 1073741824, 67108864},
                        Case{67108864, 107374182400, 67108864},
                        Case{67108864, 1073741824000, 134217728},
                        Case{67108864, 5497558138880, 1073741824},
                        Case{6442450944, 10485760, 5368709120},
                        Case{6442450944, 1073741824, 5368709120},
                        Case{6442450944, 107374182400, 5368709120},
                        Case{6442450944, 1073741824000, 5368709120},
                        Case{6442450944, 5497558138880, 5368709120}})
    EXPECT_EQ(
        plan_upload(
            c.size,
            {.multipart_threshold = 1, .multipart_chunksize = c.chunk, .memory_limit = 8 * kGiB},
            {})
            .part_bytes,
        c.adjusted)
        << c.chunk << " " << c.size;
}

TEST(UploadPlan, StaysWithinTheMemoryLimitOrSaysWhyItCant) {
  const UploadPlan plan =
      plan_upload(kGiB, {.max_concurrency = 100, .memory_limit = 50 * kMiB}, {});
  EXPECT_LE(plan.max_concurrency * plan.part_bytes, 50 * kMiB);
  EXPECT_THROW(plan_upload(kGiB, {.memory_limit = 4 * kMiB}, {}), Error);
  EXPECT_THROW(plan_upload(kMostUploadParts * kLargestUploadPart + 1, {}, {}), Error);
  EXPECT_FALSE(plan_upload(8 * kMiB - 1, {}, {}).is_multipart);
  EXPECT_TRUE(plan_upload(8 * kMiB, {}, {}).is_multipart);
  const TransferConfig large_puts{
      .multipart_threshold = kGiB, .multipart_chunksize = 5 * kMiB, .memory_limit = 50 * kMiB};
  EXPECT_FALSE(plan_upload(50 * kMiB, large_puts, {}).is_multipart);
  EXPECT_TRUE(plan_upload(50 * kMiB + 1, large_puts, {}).is_multipart);
}

}  // namespace
}  // namespace skipjack::s3
