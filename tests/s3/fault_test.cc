// Every fault of the table in docs/s3-download.md: the right bytes or a clear error, nothing left
// behind, and in time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <stop_token>
#include <thread>

#include "folder_test.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3sim/server.h"

namespace skipjack::s3 {
namespace {

using s3sim::FaultKind;
using s3sim::FaultScript;
using std::chrono::milliseconds;
constexpr std::int64_t kAlways = 1'000'000;
constexpr std::int64_t kSize = 300'007;

struct FaultCase {
  const char* name;
  FaultScript script;
  /// What it ends in; unset: the right bytes.
  std::optional<ErrorCode> error{};
  /// Part of the error's message or advice.
  const char* says = "";
};

const std::vector<FaultCase>& fault_cases() {
  const auto status = [](int number, const char* code, std::int64_t first, std::int64_t count) {
    return s3sim::ScriptedFault{
        .kind = FaultKind::Status, .first = first, .count = count, .status = number, .code = code};
  };
  static const std::vector<FaultCase> cases = {
      {"SlowDownAtFirst", {status(503, "SlowDown", 0, 2)}},
      {"SlowDownInBetween", {status(503, "SlowDown", 1, 3)}},
      {"SlowDownWithRetryAfter",
       {{.kind = FaultKind::Status, .first = 1, .headers = {{"Retry-After", "1"}}}}},
      {"InternalError", {status(500, "InternalError", 1, 3)}},
      {"BadGateway", {status(502, "BadGateway", 1, 2)}},
      {"ServiceUnavailable", {status(503, "ServiceUnavailable", 2, 2)}},
      {"GatewayTimeout", {status(504, "GatewayTimeout", 2, 1)}},
      {"TooManyRequests", {status(429, "TooManyRequests", 1, 2)}},
      {"RequestTimeout", {status(400, "RequestTimeout", 1, 1)}},
      {"InternalErrorForGood",
       {status(500, "InternalError", 2, kAlways)},
       ErrorCode::Network,
       "InternalError"},
      {"ResetBeforeTheBody", {{.kind = FaultKind::Reset, .first = 1, .count = 2, .at = 0}}},
      {"ResetInTheBody", {{.kind = FaultKind::Reset, .first = 0, .count = 3}}},
      {"EveryOtherBodyIsTruncated", {{.kind = FaultKind::Truncate, .first = 1, .count = 4}}},
      {"TruncatedForGood",
       {{.kind = FaultKind::Truncate, .count = kAlways, .at = 0}},
       ErrorCode::Network,
       "broke"},
      {"Stall", {{.kind = FaultKind::Stall, .first = 1, .count = 2}}},
      {"StallOfTheFirst", {{.kind = FaultKind::Stall}}},
      {"StallForGood",
       {{.kind = FaultKind::Stall, .count = kAlways, .at = 0}},
       ErrorCode::Timeout,
       "stopped answering"},
      {"HeadTrickles", {{.kind = FaultKind::Trickle, .first = 1, .count = 2, .seconds = 0.02}}},
      {"LateHead", {{.kind = FaultKind::LateHead, .first = 1, .seconds = 5}}},
      {"RangeIgnoredAtFirst", {{.kind = FaultKind::IgnoreRange, .count = kAlways}}},
      {"RangeIgnoredLater",
       {{.kind = FaultKind::IgnoreRange, .first = 2, .count = kAlways}},
       ErrorCode::Corrupted,
       "whole object where a range was asked for"},
      {"WrongRange",
       {{.kind = FaultKind::WrongRange, .first = 2, .count = kAlways}},
       ErrorCode::Corrupted,
       "contradicts itself"},
      {"NoContentRange",
       {{.kind = FaultKind::NoContentRange, .count = kAlways}},
       ErrorCode::Corrupted,
       "206 with Content-Range"},
      {"NoEtag", {{.kind = FaultKind::NoEtag, .count = kAlways}}},
      {"LowerCaseHeaders", {{.kind = FaultKind::LowerCaseHeaders, .count = kAlways}}},
      {"ChunkedBodies", {{.kind = FaultKind::Chunked, .count = kAlways}}},
      {"InterimAnswers", {{.kind = FaultKind::Interim, .count = kAlways}}},
      {"ClosedAfterEachAnswer", {{.kind = FaultKind::Close, .count = kAlways}}},
      {"DamagedByte",
       {{.kind = FaultKind::CorruptByte, .first = 2, .count = kAlways}},
       ErrorCode::Corrupted,
       "arrived damaged: its CRC64NVME"},
      {"ReplacedInBetween",
       {{.kind = FaultKind::Replace, .first = 2}},
       ErrorCode::Corrupted,
       "changed during the download"},
      {"GoneInBetween", {status(404, "NoSuchKey", 2, kAlways)}, ErrorCode::NotFound, "exist"},
      {"AnotherRegion",
       {{.kind = FaultKind::Status,
         .count = kAlways,
         .status = 301,
         .code = "PermanentRedirect",
         .headers = {{"x-amz-bucket-region", "eu-south-1"}}}},
       ErrorCode::InvalidArgument,
       "eu-south-1"},
      {"ClockSkewed",
       {status(403, "RequestTimeTooSkewed", 0, kAlways)},
       ErrorCode::PermissionDenied,
       "clock"},
      {"TokenExpires",
       {status(400, "ExpiredToken", 2, kAlways)},
       ErrorCode::PermissionDenied,
       "token"},
  };
  return cases;
}

struct TransportCase {
  const char* name;
  std::unique_ptr<Transport> (*make)(const TransportOptions&);
};

class FaultTest : public FolderTest, public testing::WithParamInterface<TransportCase> {
 protected:
  void run(const FaultCase& c, const std::string& bytes) {
    SCOPED_TRACE(c.name);
    s3sim::Server server({.faults = c.script});
    server.put_object("bucket", "some/key", bytes);
    ClientOptions options{.endpoint = {.endpoint_url = server.endpoint_url()},
                          .transport = {.stall_timeout = milliseconds(400)},
                          .make_transport = GetParam().make,
                          .seed = 1};
    const std::filesystem::path folder = folder_ / c.name, file = folder / "out";
    std::filesystem::create_directory(folder);
    const Duration begin = system_clock().now();
    std::optional<Error> error;
    try {
      Client(options).download(
          {.object = {"bucket", "some/key"},
           .target = ToFile{file},
           .config = {.max_concurrency = 4, .multipart_chunksize = 64 * kKiB}});
    } catch (const Error& thrown) {
      error = thrown;
    }
    EXPECT_LT(to_seconds(system_clock().now() - begin), 10);
    ASSERT_EQ(error.has_value(), c.error.has_value()) << (error ? error->what() : "no error");
    EXPECT_GE(server.stats().injected_faults, 1);
    if (!error) {
      EXPECT_TRUE(read_file(file) == bytes);
      std::filesystem::remove(file);
    } else {
      EXPECT_EQ(error->code(), *c.error) << error->what();
      EXPECT_THAT(std::string(error->what()) + error->try_this(), testing::HasSubstr(c.says));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder));
  }
};

TEST_P(FaultTest, EndsInTheRightBytesOrAClearError) {
  // Waiting is most of it: all at once.
  const std::string bytes = test_object(kSize);
  std::vector<std::future<void>> runs;
  for (const FaultCase& c : fault_cases())
    runs.push_back(std::async(std::launch::async, [this, &c, &bytes] { run(c, bytes); }));
  for (std::future<void>& future : runs) future.get();
}

/// Downloads a synthetic object and drops it.
DownloadResult fetch(const s3sim::Server& server, const TransferConfig& config,
                     Duration stall_timeout = std::chrono::seconds(5)) {
  Client client({.endpoint = {.endpoint_url = server.endpoint_url()},
                 .transport = {.stall_timeout = stall_timeout},
                 .seed = 1});
  return client.download({.object = {"bucket", "object"}, .config = config});
}

s3sim::Profile steady_profile() {
  return {.first_byte_median_seconds = 0.01,
          .connection_bytes_per_second = 20e6,
          .link_bytes_per_second = 300e6};
}

TEST(Hedging, AStallAtTheEndCostsNoStallTimeout) {
  s3sim::Server server({.profile = steady_profile(),
                        .faults = {{.kind = FaultKind::Stall, .first = 5}},
                        .objects = {{"bucket", "object", 8 * kMiB}}});
  const TransferConfig config{.max_concurrency = 4, .multipart_chunksize = kMiB};
  const DownloadResult result = fetch(server, config);
  EXPECT_LT(to_seconds(result.duration), 3);
  EXPECT_GE(result.num_hedges, 1);
  EXPECT_EQ(result.num_retries, 0);
  EXPECT_LE(result.hedged_bytes, 8 * kMiB / 20);
}

/// Gives keys when asked, but says that it would have to fetch them.
class AbsentKeys final : public CredentialsProvider {
 public:
  Credentials get(const std::stop_token&) override { return {"KEY", Secret("secret"), {}}; }
  bool is_ready() override { return true; }
  bool has_keys() override { return false; }
  bool refuse(const Credentials&) override { return false; }
};

TEST(Hedging, DoesNotWaitForKeys) {
  s3sim::Server server({.profile = steady_profile(),
                        .faults = {{.kind = FaultKind::Stall, .first = 5}},
                        .objects = {{"bucket", "object", 8 * kMiB}}});
  Client client({.endpoint = {.endpoint_url = server.endpoint_url()},
                 .credentials_provider = std::make_shared<AbsentKeys>(),
                 .transport = {.stall_timeout = milliseconds(500)},
                 .seed = 1});
  const DownloadResult result =
      client.download({.object = {"bucket", "object"},
                       .config = {.max_concurrency = 4, .multipart_chunksize = kMiB}});
  EXPECT_EQ(result.num_hedges, 0);
  EXPECT_EQ(result.num_retries, 1);
}

TEST(Hedging, SlowAnswersAreOvertakenWithinATwentiethOfTheBytes) {
  s3sim::Profile profile = steady_profile();
  profile.slow_odds = 0.1;
  profile.slow_bytes_per_second = 800e3;
  for (const std::uint64_t seed : {5u, 6u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto run = [&](bool hedge) {
      s3sim::Server server(
          {.profile = profile, .seed = seed, .objects = {{"bucket", "object", 16 * kMiB}}});
      DownloadResult result =
          fetch(server, {.max_concurrency = 8, .multipart_chunksize = kMiB, .hedge = hedge});
      // What the server gave away, what lay in its sockets when a request was taken back included.
      EXPECT_LE(server.stats().body_bytes_sent,
                16 * kMiB + result.hedged_bytes + result.num_hedges * kMiB);
      EXPECT_LE(result.hedged_bytes, 16 * kMiB / 20 + 512 * kKiB);
      return result;
    };
    const DownloadResult with = run(true), without = run(false);
    EXPECT_GE(with.num_hedges, 1);
    EXPECT_EQ(without.num_hedges, 0);
    // A mebibyte at 800 kB/s takes 1.3 s.
    EXPECT_GT(to_seconds(without.duration), 1.25);
    EXPECT_LT(to_seconds(with.duration), 1.1);
  }
}

/// One around another, which does all that is not done otherwise.
class TransportAround : public Transport {
 public:
  explicit TransportAround(std::unique_ptr<Transport> inner) : inner_(std::move(inner)) {}
  void wake() noexcept override { inner_->wake(); }
  void set_receive_buffer(std::int64_t bytes) override { inner_->set_receive_buffer(bytes); }
  void set_endpoint_ips(const std::vector<std::string>& addresses) override {
    inner_->set_endpoint_ips(addresses);
  }
  std::int64_t num_connections() const override { return inner_->num_connections(); }

 protected:
  std::unique_ptr<Transport> inner_;
};

/// Counts the requests in flight, and the answers that have begun, whenever one starts.
class CountingTransport final : public TransportAround {
 public:
  struct Count {
    std::int64_t in_flight = 0, answers = 0;
  };
  CountingTransport(std::unique_ptr<Transport> inner, std::vector<Count>& counts)
      : TransportAround(std::move(inner)), counts_(counts) {}
  void start(HttpRequest request, ResponseReceiver& receiver) override {
    inner_->start(
        std::move(request),
        *receivers_.emplace(&receiver, std::make_unique<Counted>(*this, receiver)).first->second);
    counts_.push_back({static_cast<std::int64_t>(receivers_.size()), num_answers_});
  }
  void cancel(ResponseReceiver& receiver) override {
    const auto found = receivers_.extract(&receiver);
    if (!found.empty()) inner_->cancel(*found.mapped());
  }
  void drive(Duration timeout) override {
    inner_->drive(timeout);
    ended_.clear();
  }

 private:
  struct Counted final : ResponseReceiver {
    Counted(CountingTransport& t, ResponseReceiver& r) : transport(t), receiver(r) {}
    void on_head(const HttpHead& head) override {
      ++transport.num_answers_;
      receiver.on_head(head);
    }
    std::span<std::byte> body_space() override { return receiver.body_space(); }
    void on_body(std::size_t n) override { receiver.on_body(n); }
    void on_end(TransportStatus status, std::string_view detail) override {
      transport.ended_.push_back(std::move(transport.receivers_.extract(&receiver).mapped()));
      receiver.on_end(status, detail);
    }
    CountingTransport& transport;
    ResponseReceiver& receiver;
  };
  std::vector<Count>& counts_;
  std::int64_t num_answers_ = 0;
  std::map<ResponseReceiver*, std::unique_ptr<Counted>> receivers_;
  std::vector<std::unique_ptr<Counted>> ended_;
};

Client counting_client(const s3sim::Server& server, std::vector<CountingTransport::Count>& counts) {
  return Client({.endpoint = {.endpoint_url = server.endpoint_url()},
                 .make_transport =
                     [&counts](const TransportOptions& options) {
                       return std::make_unique<CountingTransport>(make_socket_transport(options),
                                                                  counts);
                     },
                 .seed = 1});
}

/// A thousand handshakes at a time take longer than anyone waits.
TEST(ManyConnections, AreMadeByAndBy) {
  s3sim::Server server({.profile = {.name = "late", .first_byte_median_seconds = 0.05},
                        .objects = {{"bucket", "object", 32 * kMiB}}});
  std::vector<CountingTransport::Count> counts;
  Client client = counting_client(server, counts);
  const DownloadResult result = client.download(
      {.object = {"bucket", "object"},
       .config = {.max_concurrency = 400, .multipart_chunksize = 64 * kKiB, .hedge = false}});
  EXPECT_EQ(result.bytes, 32 * kMiB);
  std::int64_t num_started = 0, most = 0;
  for (const CountingTransport::Count& count : counts) {
    // Those that wait: one on each connection that has answered, the question for the checksum, and
    // 128 on new ones.
    EXPECT_LE(++num_started - count.answers, count.answers + 1 + 128);
    most = std::max(most, count.in_flight);
  }
  EXPECT_GT(most, 200);
}

/// Keeps every connection but the first from being made until that has served for a while beside
/// them, or nothing has come of it.
class HoldingTransport final : public TransportAround {
 public:
  static constexpr std::size_t kHeld = 128;
  HoldingTransport(std::unique_ptr<Transport> inner, std::int64_t& num_served_beside)
      : TransportAround(std::move(inner)), num_served_beside_(num_served_beside) {}
  void start(HttpRequest request, ResponseReceiver& receiver) override {
    if (first_ == nullptr) first_ = &receiver;
    if (&receiver != first_ && !is_released_) {
      held_.emplace_back(std::move(request), &receiver);
      return;
    }
    if (held_.size() >= kHeld) ++num_served_beside_;
    inner_->start(std::move(request), receiver);
  }
  void cancel(ResponseReceiver& receiver) override {
    std::erase_if(held_, [&](const auto& one) { return one.second == &receiver; });
    inner_->cancel(receiver);
  }
  void drive(Duration timeout) override {
    if (held_.size() >= kHeld && (num_served_beside_ >= 5 || ++num_drives_ > 50)) {
      is_released_ = true;
      for (auto& [request, receiver] : std::exchange(held_, {}))
        inner_->start(std::move(request), *receiver);
    }
    inner_->drive(std::min<Duration>(timeout, std::chrono::milliseconds(20)));
  }

 private:
  std::int64_t& num_served_beside_;
  ResponseReceiver* first_ = nullptr;
  std::vector<std::pair<HttpRequest, ResponseReceiver*>> held_;
  bool is_released_ = false;
  int num_drives_ = 0;
};

TEST(ManyConnections, WhatStandsServesWhileTheOthersAreMade) {
  s3sim::Server server({.objects = {{"bucket", "object", 32 * kMiB}}});
  std::int64_t num_served_beside = 0;
  Client client({.endpoint = {.endpoint_url = server.endpoint_url()},
                 .make_transport =
                     [&](const TransportOptions& options) {
                       return std::make_unique<HoldingTransport>(make_socket_transport(options),
                                                                 num_served_beside);
                     },
                 .seed = 1});
  client.download(
      {.object = {"bucket", "object"},
       .config = {.max_concurrency = 400, .multipart_chunksize = 64 * kKiB, .hedge = false}});
  EXPECT_GE(num_served_beside, 5);
}

TEST(SlowDown, FewerRequestsAreInFlightAndThenMoreAgain) {
  // Of the GETs 60 to 139, two of three are refused.
  FaultScript faults;
  for (std::int64_t i = 60; i < 140; ++i)
    if (i % 3 != 0) faults.push_back({.first = i});
  s3sim::Server server({.profile = steady_profile(),
                        .faults = faults,
                        .objects = {{"bucket", "object", 32 * kMiB}}});
  std::vector<CountingTransport::Count> counts;
  Client client = counting_client(server, counts);
  const DownloadResult result = client.download(
      {.object = {"bucket", "object"},
       .config = {.max_concurrency = 16, .multipart_chunksize = 64 * kKiB, .hedge = false}});
  EXPECT_EQ(result.bytes, 32 * kMiB);
  ASSERT_GE(counts.size(), 500u);
  const auto most = [&](std::size_t begin, std::size_t end) {
    std::int64_t number = 0;
    for (std::size_t i = begin; i < end; ++i) number = std::max(number, counts[i].in_flight);
    return number;
  };
  EXPECT_EQ(most(20, 60), 16);
  EXPECT_LE(most(130, 145), 8);
  EXPECT_EQ(most(counts.size() - 60, counts.size()), 16);
}

TEST(Cancelling, TakesLessThanATenthOfASecond) {
  const std::vector<FaultScript> scripts = {
      {{.kind = FaultKind::Stall, .first = 1, .count = kAlways}},
      {{.kind = FaultKind::LateHead, .seconds = 60}},
      {{.kind = FaultKind::Status, .count = kAlways, .headers = {{"Retry-After", "20"}}}},
      {{.kind = FaultKind::Trickle, .first = 2, .count = kAlways, .seconds = 0.01}}};
  for (const FaultScript& script : scripts) {
    std::stop_source stop;
    std::atomic<bool> has_struck{false};
    s3sim::Server server({.faults = script,
                          .objects = {{"bucket", "object", 4 * kMiB}},
                          .log = [&](LogLevel, std::string_view) { has_struck = true; }});
    std::atomic<Duration::rep> stopped{0};
    std::jthread stopper([&] {
      while (!has_struck) std::this_thread::yield();
      std::this_thread::sleep_for(milliseconds(50));  // In the midst of it.
      stopped = system_clock().now().count();
      stop.request_stop();
    });
    Client client({.endpoint = {.endpoint_url = server.endpoint_url()}, .seed = 1});
    EXPECT_THROW(client.download({.object = {"bucket", "object"},
                                  .config = {.max_concurrency = 4, .multipart_chunksize = kMiB},
                                  .stop = stop.get_token()}),
                 Error);
    EXPECT_LT(to_seconds(system_clock().now() - Duration(stopped)), 0.1);
  }
}

/// A server on ::1, where this machine has IPv6.
std::unique_ptr<s3sim::Server> server_over_ipv6() {
  try {
    return std::make_unique<s3sim::Server>(
        s3sim::ServerOptions{.host = "::1", .objects = {{"bucket", "object", 4 * kMiB}}});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Io) throw;
    return nullptr;
  }
}

TEST(Ipv6, AnAddressOfItLeadsToTheServer) {
  const auto server = server_over_ipv6();
  if (!server) GTEST_SKIP() << "this machine has no IPv6";
  const auto verified = [](const std::string& url, const TransferConfig& config) {
    Client client({.endpoint = {.endpoint_url = url}});
    return client.download({.object = {"bucket", "object"}, .config = config}).checksum.verified;
  };
  EXPECT_EQ(verified(server->endpoint_url(), {}), "CRC64NVME");
  EXPECT_EQ(verified("http://nowhere.invalid:" + std::to_string(server->port()),
                     {.endpoint_ips = std::vector<std::string>{"::1"}}),
            "CRC64NVME");
}

INSTANTIATE_TEST_SUITE_P(, FaultTest,
                         testing::Values(TransportCase{"Curl", &make_curl_transport},
                                         TransportCase{"Socket", &make_socket_transport}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace skipjack::s3
