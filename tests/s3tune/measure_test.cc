// The measuring trial against the embedded server: what it reports, and that it leaves nothing
// behind.
#include "skipjack/s3tune/measure.h"

#include <gtest/gtest.h>

#include "command.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3sim/server.h"
#include "skipjack/s3tune/download_scratch.h"
#include "skipjack/s3tune/s3_scheduler.h"
#include "skipjack/s3tune/transfer_space.h"

namespace skipjack::s3tune {
namespace {

constexpr std::int64_t kSize = 5 * kMiB + 123;

s3sim::ServerOptions server_options() {
  return {.objects = {{.bucket = "bench", .key = "obj", .size = kSize}}};
}

MeasureOptions options_for(const s3sim::Server& server, Destination to,
                           const std::filesystem::path& folder) {
  MeasureOptions options;
  options.client.endpoint.endpoint_url = server.endpoint_url();
  options.object = "s3://bench/obj";
  options.to = to;
  options.folder = folder;
  options.repeats = 3;
  return options;
}

TEST(Measure, ReportsEachDownloadAndTheRunningMean) {
  s3sim::Server server(server_options());
  const TemporaryFolder folder;
  const MeasureOptions any = options_for(server, Destination::Discard, {});
  const std::string etag =
      s3::Client(any.client).head_object({.bucket = "bench", .key = "obj"}).etag;
  for (Destination to : {Destination::File, Destination::Memory, Destination::Discard}) {
    std::vector<Json> reports;
    measure_downloads(options_for(server, to, folder.path()),
                      [&](const Json& report) { reports.push_back(report); });
    ASSERT_EQ(reports.size(), 3u);
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      sum += reports[i].at(kDownloadTime).as_double();
      EXPECT_GT(reports[i].at(kDownloadTime).as_double(), 0);
      EXPECT_NEAR(reports[i].at(kMeanDownloadTime).as_double(), sum / static_cast<double>(i + 1),
                  1e-12);
      EXPECT_EQ(reports[i].at(kDownloadTimes).as_array().size(), i + 1);
      EXPECT_EQ(reports[i].at(kBytes).as_int(), kSize);
      EXPECT_EQ(reports[i].at(kEtag).as_string(), etag);
      EXPECT_GE(reports[i].at(kCpuSeconds).as_double(), 0);
      EXPECT_GT(reports[i].at(kPeakMemory).as_int(), kMiB);
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << to_string(to);
  }
}

TEST(Measure, EachDownloadMakesItsOwnConnections) {
  s3sim::Server server(server_options());
  MeasureOptions options = options_for(server, Destination::Discard, {});
  options.config.max_concurrency = 1;
  measure_downloads(options, [](const Json&) {});
  EXPECT_EQ(server.stats().connections_accepted, 3);
}

TEST(Measure, StoppedDownloadLeavesNothing) {
  s3sim::ServerOptions slow = server_options();
  slow.profile.connection_bytes_per_second = 1e5;
  s3sim::Server server(slow);
  const TemporaryFolder folder;
  MeasureOptions options = options_for(server, Destination::File, folder.path());
  std::stop_source stop;
  options.stop = stop.get_token();
  std::jthread stopper([&] {
    while (server.stats().body_bytes_sent == 0) std::this_thread::yield();
    stop.request_stop();
  });
  try {
    measure_downloads(options, [](const Json&) {});
    FAIL() << "a stopped download came to its end";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Cancelled);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Measure, ContentIsTheCrcOfAFileOrOfAFoldersNamesAndFiles) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / "f" / "sub");
  write_file_atomically(folder.path() / "f" / "sub" / "b", "456789");
  write_file_atomically(folder.path() / "f" / "a", "123");
  write_file_atomically(folder.path() / "whole", "123456789");
  // The check value of CRC-32; the other is zlib's of "a\0" "123" "sub/b\0" "456789".
  const Content whole = content_of(folder.path() / "whole", Digest::Crc32);
  EXPECT_EQ(whole.digest, "crc32-cbf43926");
  const Content content = content_of(folder.path() / "f", Digest::Crc32);
  EXPECT_EQ(content.digest, "crc32-341a97ab");
  EXPECT_EQ(content.bytes, 9);
  EXPECT_EQ(content.num_files, 2);
  EXPECT_EQ(content_of(folder.path() / "f", Digest::None).digest, "");
}

TEST(Measure, ConfigurationCarriesTargetAndValues) {
  const MeasurementTarget target{.object = "s3://a/b c",
                                 .endpoint_url = "http://127.0.0.1:9",
                                 .sign_requests = false,
                                 .to = Destination::Memory,
                                 .memory_limit = 7 * kMiB};
  Json configuration;
  for (const Parameter& constant : to_constants(target, "native", 4))
    configuration.set(constant.name, std::get<Json>(constant.domain));
  configuration.set(kMaxConcurrency, 5);
  configuration.set(kMultipartChunksize, 2 * kMiB);
  configuration.set(kMaxIoQueue, Json());
  const MeasurementTarget back = target_of(configuration);
  EXPECT_EQ(back.object, target.object);
  EXPECT_EQ(back.endpoint_url, target.endpoint_url);
  EXPECT_FALSE(back.sign_requests);
  EXPECT_EQ(back.to, Destination::Memory);
  const s3::TransferConfig config = transfer_config_of(configuration);
  EXPECT_EQ(config.max_concurrency, 5);
  EXPECT_EQ(config.multipart_chunksize, 2 * kMiB);
  EXPECT_EQ(config.multipart_threshold, 2 * kMiB)
      << "a small part must not be lost to a single GET";
  EXPECT_EQ(config.max_io_queue, std::nullopt);
  EXPECT_EQ(config.memory_limit, 7 * kMiB);
}

}  // namespace
}  // namespace skipjack::s3tune
