// The transfer space: nothing impossible in it, nothing useful left out, and starting points that
// run as asked.
#include "skipjack/s3tune/transfer_space.h"

#include <gtest/gtest.h>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack::s3tune {
namespace {

std::int64_t parts(std::int64_t size, std::int64_t part) { return (size + part - 1) / part; }

TEST(TransferSpace, EveryDrawIsATransferThatCouldRun) {
  constexpr std::uint64_t kSeed = 17;
  for (std::int64_t size :
       {std::int64_t{1}, 100 * kKiB, 16 * kMiB, 256 * kMiB, 3 * kGiB, 1024 * kGiB})
    for (std::int64_t memory : {kMiB, 64 * kMiB, kGiB})
      for (int cores : {1, 48}) {
        const TransferSpaceOptions options{
            .object_size = size, .cores = cores, .memory_limit = memory};
        const SearchSpace space = transfer_space(options);
        Rng rng(kSeed, "draws", static_cast<std::uint64_t>(size + memory + cores));
        for (int i = 0; i < 50; ++i) {
          const auto configuration = space.sample(rng);
          ASSERT_TRUE(configuration) << size << " bytes, memory " << memory << ", seed " << kSeed;
          const TransferPoint p = transfer_point(*configuration);
          EXPECT_LE(p.max_concurrency, parts(size, p.multipart_chunksize));
          EXPECT_LE(p.max_concurrency, 64 * cores);
          EXPECT_LE(p.multipart_chunksize, size);
          EXPECT_LE(p.io_chunksize, p.multipart_chunksize);
          EXPECT_LE((p.max_io_queue + p.max_concurrency) * p.io_chunksize, memory);
        }
      }
}

TEST(TransferSpace, HoldsBoto3sDefaultsWhereTheyMakeSense) {
  const TransferSpaceOptions options{.object_size = kGiB, .cores = 2};
  const SearchSpace space = transfer_space(options);
  EXPECT_EQ(transfer_point(nearest_configuration(space, options, kBoto3Point)), kBoto3Point);
}

// 20 MiB in parts of 8 MiB are 3 parts: more than 3 connections have nothing to do.
TEST(TransferSpace, NearestPointDropsConnectionsWithoutParts) {
  const TransferSpaceOptions options{.object_size = 20 * kMiB, .cores = 2};
  const SearchSpace space = transfer_space(options);
  const Configuration nearest = nearest_configuration(space, options, kBoto3Point);
  EXPECT_EQ(transfer_point(nearest).max_concurrency, 3);
  EXPECT_EQ(transfer_point(nearest).multipart_chunksize, 8 * kMiB);
}

TEST(TransferSpace, NearestPointSatisfiesTheConstraintsFromAnywhere) {
  constexpr std::uint64_t kSeed = 23;
  Rng rng(kSeed);
  for (int i = 0; i < 300; ++i) {
    const TransferSpaceOptions options{
        .object_size = rng.uniform_int(1, std::int64_t{1} << rng.uniform_int(1, 40)),
        .cores = static_cast<int>(rng.uniform_int(1, 64)),
        .memory_limit = rng.uniform_int(kMiB, 8 * kGiB)};
    const SearchSpace space = transfer_space(options);
    const auto any = [&] { return rng.uniform_int(1, std::int64_t{1} << rng.uniform_int(1, 40)); };
    const Configuration nearest = nearest_configuration(space, options,
                                                        {.max_concurrency = any(),
                                                         .multipart_chunksize = any(),
                                                         .max_io_queue = any(),
                                                         .io_chunksize = any()});
    EXPECT_TRUE(space.contains(nearest)) << to_json_text(nearest) << " of " << options.object_size
                                         << " bytes, seed " << kSeed << ", draw " << i;
  }
}

TEST(TransferSpace, StartingPointsAreInTheSpace) {
  const TransferSpaceOptions options{.object_size = 256 * kMiB, .cores = 2};
  const SearchSpace space = transfer_space(options);
  for (StartPoint start : {StartPoint::Defaults, StartPoint::Midpoint})
    for (const Configuration& point : starting_points(space, options, start))
      EXPECT_TRUE(space.contains(point)) << to_string(start);
  EXPECT_EQ(starting_points(space, options, StartPoint::Defaults).size(), 1u);
  EXPECT_TRUE(starting_points(space, options, StartPoint::Random).empty());
}

TEST(TransferSpace, ConstantsReachEveryConfiguration) {
  const TransferSpaceOptions options{
      .object_size = kGiB, .cores = 2, .constants = {{"object", Json("s3://a/b")}}};
  const SearchSpace space = transfer_space(options);
  Rng rng(1);
  EXPECT_EQ(space.sample(rng)->at("object").as_string(), "s3://a/b");
}

TEST(TransferSpace, BadOptionsNameValueAndBound) {
  try {
    transfer_space({.object_size = 0});
    FAIL() << "an empty object was accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "object_size = 0 must be >= 1");
  }
  EXPECT_THROW(transfer_space({.object_size = 1, .cores = 0}), Error);
  EXPECT_THROW(transfer_space({.object_size = 1, .memory_limit = 5}), Error);
  EXPECT_THROW(parse_start_point("default"), Error);
}

}  // namespace
}  // namespace skipjack::s3tune
