// A server that is away for a while, and comes back or does not.
#include "skipjack/s3/outage.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/download_many.h"
#include "skipjack/s3sim/server.h"

namespace skipjack::s3 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Outage, IsOneOnlyAfterTheServerHasAnswered) {
  Outage outage;
  EXPECT_FALSE(outage.refused(seconds(1), 0.5));
  EXPECT_TRUE(outage.take_turn(seconds(1)));
  outage.answered();
  EXPECT_TRUE(outage.refused(seconds(1), 0.5));
  EXPECT_FALSE(outage.take_turn(seconds(1)));
  outage.answered();
  EXPECT_TRUE(outage.take_turn(seconds(1)));
}

TEST(Outage, AsksFewTimesAndEndsInTime) {
  Outage outage;
  outage.answered();
  const Duration begin = seconds(100);
  Duration now = begin;
  int num_turns = 0;
  while (outage.refused(now, 0)) {
    ASSERT_LT(now, begin + seconds(20));
    now += std::max<Duration>(outage.wait(now), milliseconds(1));
    if (outage.take_turn(now)) ++num_turns;
  }
  EXPECT_GE(now - begin, Outage::kLongest);
  EXPECT_LE(now - begin, Outage::kLongest + seconds(1));
  EXPECT_GE(num_turns, 10);
  EXPECT_LE(num_turns, 40);
  // What begins later is waited for anew.
  outage.begin();
  EXPECT_TRUE(outage.refused(now + seconds(3600), 0));
}

/// Serves at one port; away for a time in the midst of it.
class Restart {
 public:
  explicit Restart(std::vector<s3sim::SyntheticObject> objects)
      : options_{.objects = std::move(objects)},
        server_(std::make_unique<s3sim::Server>(options_)),
        url_(server_->endpoint_url()) {
    options_.port = server_->port();
  }
  const std::string& url() const { return url_; }
  void begin(Duration away) {
    if (thread_.joinable()) return;
    thread_ = std::jthread([this, away] {
      server_.reset();
      std::this_thread::sleep_for(away);
      server_ = std::make_unique<s3sim::Server>(options_);
    });
  }

 private:
  s3sim::ServerOptions options_;
  std::unique_ptr<s3sim::Server> server_;
  std::string url_;
  std::jthread thread_;
};

TEST(Restart, EndsNoDownload) {
  const std::int64_t size = 48 * kMiB;
  Restart server({{"bucket", "key", size}});
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  const DownloadResult result = client.download({.object = {"bucket", "key"},
                                                 .config = {.max_concurrency = 10,
                                                            .multipart_chunksize = 128 * kKiB,
                                                            .max_bandwidth = 48 * kMiB},
                                                 .progress =
                                                     [&](std::int64_t done, auto) {
                                                       if (done > kMiB) server.begin(seconds(2));
                                                     },
                                                 .progress_interval = milliseconds(10)});
  EXPECT_EQ(result.bytes, size);
  EXPECT_GE(result.duration, seconds(2));
  // Not each of more than 300 parts finds out for itself.
  EXPECT_LE(result.num_retries, 60);
}

TEST(Restart, EndsNoSmallObject) {
  std::vector<s3sim::SyntheticObject> objects;
  DownloadManyOptions many;
  for (int i = 0; i < 400; ++i) {
    const std::string key = "key" + std::to_string(i);
    objects.push_back({"bucket", key, 100'000});
    many.objects.push_back({"bucket", key});
  }
  Restart server(objects);
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  many.target = EachInMemory{[](const ObjectAddress&, std::string_view) {}};
  many.config = {.max_concurrency = 10, .max_bandwidth = 20'000'000};
  many.on_end = [&](const ObjectEnd& end) {
    EXPECT_FALSE(end.error) << end.error->what();
    server.begin(milliseconds(1500));
  };
  const DownloadManyResult result = client.download_many(many);
  EXPECT_EQ(result.counts.objects_done, 400);
  EXPECT_GE(result.duration, milliseconds(1500));
}

}  // namespace
}  // namespace skipjack::s3
