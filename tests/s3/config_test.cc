// TransferConfig against boto3 1.43's documented defaults, and the plans made from it.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "../thrown.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/plan.h"
#include "skipjack/s3/token_bucket.h"
#include "skipjack/s3/transfer_config.h"

namespace skipjack::s3 {
namespace {

TEST(TransferConfig, DefaultsAreThoseOfBoto3) {
  const TransferConfig config = boto3_defaults();
  EXPECT_EQ(config.multipart_threshold, 8388608);
  EXPECT_EQ(config.max_concurrency, 10);
  EXPECT_EQ(config.multipart_chunksize, 8388608);
  EXPECT_EQ(config.num_download_attempts, 5);
  EXPECT_EQ(config.max_io_queue, 100);
  EXPECT_EQ(config.io_chunksize, 262144);
  EXPECT_EQ(config.use_threads, true);
  EXPECT_EQ(config.max_bandwidth, std::nullopt);
}

TEST(TransferConfig, SetFieldsSurviveTheDefaults) {
  const TransferConfig config = with_boto3_defaults({.max_concurrency = 3, .use_threads = false});
  EXPECT_EQ(config.max_concurrency, 3);
  EXPECT_EQ(config.use_threads, false);
  EXPECT_EQ(config.io_chunksize, 262144);
}

TEST(TransferConfig, MessageNamesOptionValueAndBound) {
  EXPECT_EQ(message_of([] { validate({.max_concurrency = 0}); }),
            "max_concurrency = 0 must be >= 1");
  EXPECT_EQ(message_of([] { validate({.max_bandwidth = -5}); }), "max_bandwidth = -5 must be >= 1");
}

TEST(TransferConfig, RefusesEveryFieldBelowOne) {
  for (const char* key :
       {"multipart_threshold", "max_concurrency", "multipart_chunksize", "num_download_attempts",
        "max_io_queue", "io_chunksize", "max_bandwidth", "memory_limit"})
    EXPECT_THROW(transfer_config_from_json(Json(Json::Object{{key, Json(0)}})), Error) << key;
}

TEST(TransferConfig, ReadsSizesAliasesAndNulls) {
  const TransferConfig config = transfer_config_from_json(parse_json(
      R"({"multipart_chunksize":"16MiB","max_request_concurrency":7,"max_io_queue_size":9,"io_chunksize":1048576.0,
          "use_threads":false,"max_bandwidth":null})"));
  EXPECT_EQ(config.multipart_chunksize, 16 * kMiB);
  EXPECT_EQ(config.max_concurrency, 7);
  EXPECT_EQ(config.max_io_queue, 9);
  EXPECT_EQ(config.io_chunksize, kMiB);
  EXPECT_EQ(config.use_threads, false);
  EXPECT_EQ(config.max_bandwidth, std::nullopt);
}

TEST(TransferConfig, NamesAddresses) {
  const std::string text = R"({"endpoint_ips":["192.0.2.1","2001:db8::1"]})";
  const TransferConfig config = transfer_config_from_json(parse_json(text));
  EXPECT_EQ(config.endpoint_ips, (std::vector<std::string>{"192.0.2.1", "2001:db8::1"}));
  EXPECT_EQ(to_json_text(to_json(config)), text);
  for (const char* wrong : {R"({"endpoint_ips":"192.0.2.1"})", R"({"endpoint_ips":[1]})",
                            R"({"endpoint_ips":["host.example"]})"})
    EXPECT_THROW(transfer_config_from_json(parse_json(wrong)), Error) << wrong;
}

TEST(TransferConfig, NamesTheUnknownKey) {
  EXPECT_NE(message_of([] {
              transfer_config_from_json(parse_json(R"({"max_concurency":3})"));
            }).find("max_concurency"),
            std::string::npos);
}

TEST(TransferConfig, RefusesWrongTypes) {
  for (const char* text :
       {R"({"max_concurrency":"10MiB"})", R"({"max_concurrency":1.5})", R"({"use_threads":1})",
        R"({"io_chunksize":"lots"})", R"({"write_mode":"sync"})", R"({"write_mode":1})",
        R"({"checksum":true})", R"({"checksum":"never"})", R"({"io_chunksize":1e300})",
        R"({"max_io_queue":[1]})", "[]"})
    EXPECT_THROW(transfer_config_from_json(parse_json(text)), Error) << text;
}

TEST(TransferConfig, SurvivesJson) {
  TransferConfig config = boto3_defaults();
  config.max_bandwidth = 12345;
  config.write_mode = WriteMode::Direct;
  config.checksum = ChecksumValidation::WhenRequired;
  EXPECT_EQ(transfer_config_from_json(to_json(config)), config);
  EXPECT_EQ(transfer_config_from_json(to_json(TransferConfig{})), TransferConfig{});
}

const PlanLimits kLimits{.memory_bytes = 8 * kGiB};

TEST(Plan, HundredConnectionsForSevenPartsAreSeven) {
  const Plan plan = plan_download(
      7 * 8 * kMiB, {.max_concurrency = 100, .multipart_chunksize = 8 * kMiB}, kLimits);
  EXPECT_EQ(plan.num_parts, 7);
  EXPECT_EQ(plan.config.max_concurrency, 7);
}

TEST(Plan, Boto3ValuesCutAsBoto3Does) {
  // 100 MB in parts of 8 MiB are 12: eleven full ones and a rest.
  const Plan plan = plan_download(100'000'000, boto3_defaults(), kLimits);
  EXPECT_EQ(plan.num_parts, 12);
  EXPECT_EQ(plan.config.max_concurrency, 10);
  EXPECT_EQ(plan.config.io_chunksize, 256 * kKiB);
  EXPECT_EQ(plan.config.max_io_queue, 100);
}

/// Fresh memory is dear: every buffer is filled several times.
TEST(Plan, WritesAreShorterWhereThereIsLittleToWrite) {
  EXPECT_EQ(plan_download(10 * kGiB, {}, {}).config.io_chunksize, 4 * kMiB);
  EXPECT_EQ(plan_download(192 * kMiB, {}, {}).config.io_chunksize, kMiB);
  // What is in buffers is lost with the process.
  EXPECT_EQ(plan_download(10 * kGiB, {.resume = true}, {}).config.io_chunksize, kMiB);
  EXPECT_EQ(plan_download(192 * kMiB, {.io_chunksize = 4 * kMiB}, {}).config.io_chunksize,
            4 * kMiB);
}

TEST(Plan, BelowTheThresholdOneConnectionServes) {
  const Plan plan = plan_download(
      60 * kMiB,
      {.multipart_threshold = 64 * kMiB, .max_concurrency = 10, .multipart_chunksize = 8 * kMiB},
      kLimits);
  EXPECT_EQ(plan.config.max_concurrency, 1);
  EXPECT_EQ(plan.num_parts, 2);  // what the first request brought, and the rest.
}

TEST(Plan, AtTheThresholdPartsGoInParallel) {
  const Plan plan = plan_download(
      64 * kMiB,
      {.multipart_threshold = 64 * kMiB, .max_concurrency = 10, .multipart_chunksize = 8 * kMiB},
      kLimits);
  EXPECT_EQ(plan.config.max_concurrency, 8);
}

TEST(Plan, WithoutThreadsPartsGoOneAfterAnother) {
  const Plan plan =
      plan_download(64 * kMiB, {.multipart_chunksize = 8 * kMiB, .use_threads = false}, kLimits);
  EXPECT_EQ(plan.num_parts, 8);
  EXPECT_EQ(plan.config.max_concurrency, 1);
  EXPECT_EQ(plan.config.max_io_queue, 1);
}

TEST(Plan, EmptyObjectHasNoParts) { EXPECT_EQ(plan_download(0, {}, kLimits).num_parts, 0); }

TEST(Plan, ASlowLimitMeansSmallReceptions) {
  EXPECT_EQ(plan_download(kGiB, {.max_bandwidth = 100'000}, kLimits).config.receive_buffer,
            16 * kKiB);
  EXPECT_EQ(plan_download(kGiB, {.max_bandwidth = 10'000'000'000}, kLimits).config.receive_buffer,
            kMiB);
}

TEST(Plan, AutoFillsItsWaves) {
  for (const std::int64_t size : {200 * kMiB, kGiB, 3 * kGiB, 5 * kGiB + 12345}) {
    const Plan plan = plan_download(size, {}, kLimits);
    const std::int64_t parts = plan.num_parts;
    const std::int64_t waves =
        (parts + plan.config.max_concurrency - 1) / plan.config.max_concurrency;
    EXPECT_GE(static_cast<double>(parts) / static_cast<double>(waves * plan.config.max_concurrency),
              0.95)
        << size;
  }
}

/// Whatever is asked for, the values keep their bounds.
TEST(Plan, StaysWithinMemory) {
  constexpr std::uint64_t kSeed = 20260101;
  std::cout << "seed " << kSeed << "\n";
  for (std::uint64_t i = 0; i < 3000; ++i) {
    Rng rng(kSeed, "plan", i);
    const auto log_uniform = [&](double low, double high) {
      return static_cast<std::int64_t>(std::exp(rng.uniform(std::log(low), std::log(high))));
    };
    const std::int64_t size = rng.bernoulli(0.05) ? 0 : log_uniform(1, 3e10);
    TransferConfig config;
    if (rng.bernoulli(0.6)) config.multipart_chunksize = log_uniform(1, 1e10);
    if (rng.bernoulli(0.5)) config.max_concurrency = log_uniform(1, 2000);
    if (rng.bernoulli(0.5)) config.multipart_threshold = log_uniform(1, 1e10);
    if (rng.bernoulli(0.5)) config.io_chunksize = log_uniform(1, 1e9);
    if (rng.bernoulli(0.5)) config.max_io_queue = log_uniform(1, 1e5);
    if (rng.bernoulli(0.3)) config.memory_limit = log_uniform(1.1e6, 1e10);
    if (rng.bernoulli(0.2)) config.use_threads = rng.bernoulli(0.5);
    SCOPED_TRACE("case " + std::to_string(i) + " size " + std::to_string(size) + " " +
                 to_json_text(to_json(config)));
    const Plan plan = plan_download(size, config, kLimits);

    const EffectiveConfig& effective = plan.config;
    EXPECT_GE(effective.max_concurrency, 1);
    EXPECT_LE(effective.max_concurrency, std::max<std::int64_t>(1, plan.num_parts));
    if (config.max_concurrency) {
      EXPECT_LE(effective.max_concurrency, *config.max_concurrency);
    }
    EXPECT_GE(effective.io_chunksize, 1);
    if (config.io_chunksize) {
      EXPECT_LE(effective.io_chunksize, *config.io_chunksize);
    }
    EXPECT_GE(effective.max_io_queue, 1);
    if (config.max_io_queue) {
      EXPECT_LE(effective.max_io_queue, *config.max_io_queue);
    }
    EXPECT_GE(effective.receive_buffer, 16 * kKiB);
    EXPECT_LE(effective.max_concurrency * (effective.io_chunksize + effective.receive_buffer) +
                  effective.max_io_queue * effective.io_chunksize,
              effective.memory_limit);
    // What is reported can be asked for again, and gives no more than that.
    const Plan again = plan_download(size, as_transfer_config(effective), kLimits);
    EXPECT_LE(again.config.max_concurrency, effective.max_concurrency);
    EXPECT_LE(again.config.io_chunksize, effective.io_chunksize);
  }
}

TEST(TokenBucket, KeepsTheRateOverAnyOrderOfTakes) {
  TokenBucket bucket(1000);
  Duration now = std::chrono::seconds(5);
  std::int64_t taken = 0;
  Rng rng(7, "bucket");
  const Duration begin = now;
  while (taken < 100000) {
    const std::int64_t n = rng.uniform_int(1, 400);
    bucket.take(n, now);
    taken += n;
    now += bucket.debt(now);
    if (rng.bernoulli(0.1)) now += from_seconds(rng.uniform(0, 0.05));
  }
  const double seconds = to_seconds(now - begin);
  // Never faster than the rate, but for the burst of a tenth of a second.
  EXPECT_GE(seconds, static_cast<double>(taken) / 1000 - 0.11);
}

}  // namespace
}  // namespace skipjack::s3
