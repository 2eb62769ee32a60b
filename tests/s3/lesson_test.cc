// Requests that are refused for the way they were made, and made again in another: bucket in
// another region, wrong clock, keys that end in the middle of a transfer.
#include "skipjack/s3/lesson.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "../thrown.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/dates.h"
#include "skipjack/s3/remove_many.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kEtag = "\"e\"";
const ObjectAddress kObject{"bucket", "some/key"};
/// Without the HEAD that asks for a checksum, and without hedges: requests are counted.
const TransferConfig kSmallParts{.max_concurrency = 4,
                                 .multipart_chunksize = 64 * kKiB,
                                 .hedge = false,
                                 .checksum = ChecksumValidation::WhenRequired};
const Credentials kKeys{"AKIDEXAMPLE", Secret("secret"), {}};

ClientOptions options_for(const ScriptedServer& server) {
  return {.endpoint = {.endpoint_url = server.url()}, .credentials = kKeys, .seed = 1};
}

/// "20261127/eu-west-1/s3/aws4_request" of a signed request, cut out between the slashes.
std::string region_of(const ScriptedRequest& request) {
  const std::string header = request.header("authorization");
  std::size_t at = 0;
  for (int slash = 0; slash < 2; ++slash) at = header.find('/', at) + 1;
  return header.substr(at, header.find('/', at) - at);
}

/// RFC 9110's form, by the C library.
std::string http_date(std::int64_t unix_time) {
  const std::time_t seconds = unix_time;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return text;
}

std::int64_t now() { return static_cast<std::int64_t>(system_clock().unix_time()); }

/// Seconds by which a request's x-amz-date is behind the time.
std::int64_t age_of(const ScriptedRequest& request, std::int64_t time) {
  const std::string d = request.header("x-amz-date");
  if (d.size() != 16) return INT64_MAX;
  const auto signed_at =
      parse_iso_date(d.substr(0, 4) + "-" + d.substr(4, 2) + "-" + d.substr(6, 5) + ":" +
                     d.substr(11, 2) + ":" + d.substr(13, 3));
  return signed_at ? time - *signed_at : INT64_MAX;
}

TEST(Lesson, ARedirectIsFollowedOnceForAllParts) {
  const std::string object = test_object(1'000'003);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    if (region_of(r) == "eu-south-1") return serve_object(r, object, kEtag);
    ScriptedReply reply = s3_error(301, "PermanentRedirect");
    reply.headers["x-amz-bucket-region"] = "eu-south-1";
    return reply;
  });
  Client client(options_for(server));
  const DownloadResult result =
      client.download({.object = kObject, .target = ToMemory{}, .config = kSmallParts});
  EXPECT_EQ(result.memory.view(), object);
  EXPECT_EQ(result.num_requests, 17);
  EXPECT_EQ(result.num_retries, 0);
  EXPECT_EQ(client.head_object(kObject).size, 1'000'003);
  EXPECT_EQ(server.requests().size(), 18u);
}

TEST(Lesson, TheQuestionForTheChecksumLearnsToo) {
  const std::string object = test_object(300'000);
  std::atomic<int> num_refused = 0;
  const ScriptedServer server([&](const ScriptedRequest& r) -> ScriptedReply {
    if (r.method == "HEAD" && num_refused++ == 0) return {.status = 400};
    ScriptedReply reply = serve_object(r, object, kEtag);
    if (r.method == "HEAD") reply.headers["x-amz-checksum-crc32"] = "AAAAAA==";
    return reply;
  });
  ClientOptions options = options_for(server);
  options.credentials_provider = make_refreshing_provider({.fetch = [](const std::stop_token&) {
    return Credentials{"KEY", Secret("secret"), Secret("token")};
  }});
  // What the second HEAD says is wrong, which shows that it was sent and heard.
  EXPECT_EQ(error_of([&] { Client(options).download({.object = kObject}); }).code(),
            ErrorCode::Corrupted);
  EXPECT_EQ(num_refused, 2);
}

TEST(Lesson, TheRegionMayStandInTheBody) {
  const ScriptedServer server([&](const ScriptedRequest& r) {
    if (region_of(r) == "eu-south-1") return serve_object(r, "object", kEtag);
    return ScriptedReply{.status = 400,
                         .body =
                             "<Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting "
                             "'eu-south-1'</Message><Region>eu-south-1</Region></Error>"};
  });
  Client client(options_for(server));
  EXPECT_EQ(client.download({.object = kObject}).bytes, 6);
}

TEST(Lesson, AHeadersRegionIsEnoughForAHead) {
  const ScriptedServer server([&](const ScriptedRequest& r) {
    if (region_of(r) == "eu-south-1") return serve_object(r, "object", kEtag);
    return ScriptedReply{.status = 400, .headers = {{"x-amz-bucket-region", "eu-south-1"}}};
  });
  Client client(options_for(server));
  EXPECT_EQ(client.head_object(kObject).size, 6);
}

TEST(Lesson, RegionsThatChaseEachOtherEnd) {
  const ScriptedServer server([&](const ScriptedRequest& r) {
    ScriptedReply reply = s3_error(307, "TemporaryRedirect");
    reply.headers["x-amz-bucket-region"] = region_of(r) == "a-1" ? "b-1" : "a-1";
    return reply;
  });
  error_of([&] { Client(options_for(server)).download({.object = kObject}); });
  EXPECT_LE(server.requests().size(), 5u);
}

TEST(Lesson, ARegionThatIsNoneIsNotFollowed) {
  const ScriptedServer server([&](const ScriptedRequest&) {
    ScriptedReply reply = s3_error(301, "PermanentRedirect");
    reply.headers["x-amz-bucket-region"] = "evil.example.com/";
    return reply;
  });
  error_of([&] { Client(options_for(server)).download({.object = kObject}); });
  EXPECT_EQ(server.requests().size(), 1u);
}

/// S3's own rule: 15 minutes.
ScriptedReply with_clock(const ScriptedRequest& r, std::int64_t time, const std::string& code,
                         const std::string& object) {
  ScriptedReply reply =
      std::abs(age_of(r, time)) > 900 ? s3_error(403, code) : serve_object(r, object, kEtag);
  reply.headers["Date"] = http_date(time);
  return reply;
}

TEST(Lesson, TheServersClockIsTakenOver) {
  const std::string object = test_object(300'000);
  for (const char* code : {"RequestTimeTooSkewed", "SignatureDoesNotMatch"})
    for (const std::int64_t offset : {-3 * 3600, 3 * 3600}) {
      const ScriptedServer server(
          [&](const ScriptedRequest& r) { return with_clock(r, now() + offset, code, object); });
      Client client(options_for(server));
      EXPECT_EQ(client.download({.object = kObject, .config = kSmallParts}).num_requests, 6);
    }
}

TEST(Lesson, AnAbsurdClockIsNotBelieved) {
  for (const char* date : {"Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"}) {
    const ScriptedServer server([&](const ScriptedRequest&) {
      ScriptedReply reply = s3_error(403, "RequestTimeTooSkewed");
      reply.headers["Date"] = date;
      return reply;
    });
    EXPECT_EQ(error_of([&] { Client(options_for(server)).download({.object = kObject}); }).code(),
              ErrorCode::PermissionDenied);
    EXPECT_EQ(server.requests().size(), 1u);
  }
}

TEST(Lesson, ASignatureThatIsWrongAtTheRightTimeIsNotRepeated) {
  const ScriptedServer server([&](const ScriptedRequest&) {
    ScriptedReply reply = s3_error(403, "SignatureDoesNotMatch");
    reply.headers["Date"] = http_date(now() - 30);
    return reply;
  });
  EXPECT_EQ(error_of([&] { Client(options_for(server)).download({.object = kObject}); }).code(),
            ErrorCode::PermissionDenied);
  EXPECT_EQ(server.requests().size(), 1u);
}

/// Hands out KEY1, KEY2, ...
class NumberedKeys {
 public:
  std::shared_ptr<CredentialsProvider> provider(std::function<void(int)> before_fetch = {}) {
    return make_refreshing_provider({.fetch = [this, before_fetch](const std::stop_token&) {
      const int number = ++num_fetches;
      if (before_fetch) before_fetch(number);
      return Credentials{"KEY" + std::to_string(number), Secret("secret"), Secret("token")};
    }});
  }
  std::atomic<int> num_fetches = 0;
};

bool is_signed_by(const ScriptedRequest& r, const std::string& key) {
  return r.header("authorization").find("Credential=" + key + "/") != std::string::npos;
}

TEST(Lesson, KeysThatEndInTheMiddleAreFetchedAnew) {
  const std::string object = test_object(1'000'003);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    if (is_signed_by(r, "KEY1") && r.number >= 5) return s3_error(400, "ExpiredToken");
    return serve_object(r, object, kEtag);
  });
  NumberedKeys keys;
  ClientOptions options = options_for(server);
  options.credentials_provider = keys.provider();
  Client client(options);
  const DownloadResult result =
      client.download({.object = kObject, .target = ToMemory{}, .config = kSmallParts});
  EXPECT_EQ(result.memory.view(), object);
  // Whoever was on the way with the old keys asks again; nobody fetches twice.
  EXPECT_EQ(keys.num_fetches, 2);
  EXPECT_LE(result.num_requests, 16 + 4);
  EXPECT_EQ(result.num_retries, 0);
}

TEST(Lesson, BodiesGoOnWhileKeysAreFetched) {
  const std::string object = test_object(400'000);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    // Of the three requests after the first, one is refused; the others take their time.
    if (is_signed_by(r, "KEY1") && r.number == 1) return s3_error(400, "ExpiredToken");
    return serve_object(r, object, kEtag);
  });
  std::mutex mutex;
  std::condition_variable changed;
  std::int64_t done = 0;
  bool went_on = false;
  NumberedKeys keys;
  ClientOptions options = options_for(server);
  options.credentials_provider = keys.provider([&](int number) {
    if (number != 2) return;
    // The keys come once the other bodies have come.
    std::unique_lock lock(mutex);
    went_on = changed.wait_for(lock, std::chrono::seconds(10), [&] { return done >= 300'000; });
  });
  Client client(options);
  const DownloadResult result =
      client.download({.object = kObject,
                       .target = ToMemory{},
                       .config = {.max_concurrency = 4, .multipart_chunksize = 100'000},
                       .progress =
                           [&](std::int64_t bytes, std::optional<std::int64_t>) {
                             const std::lock_guard lock(mutex);
                             done = bytes;
                             changed.notify_all();
                           },
                       .progress_interval = std::chrono::milliseconds(1)});
  EXPECT_TRUE(went_on);
  EXPECT_EQ(result.memory.view(), object);
}

TEST(Lesson, KeysThatCannotBeFetchedAnewAreAnError) {
  const ScriptedServer server(
      [&](const ScriptedRequest&) { return s3_error(400, "ExpiredToken"); });
  EXPECT_EQ(error_of([&] { Client(options_for(server)).download({.object = kObject}); }).code(),
            ErrorCode::PermissionDenied);
  EXPECT_EQ(server.requests().size(), 1u);
  NumberedKeys keys;
  ClientOptions options = options_for(server);
  options.credentials_provider = keys.provider([](int number) {
    if (number == 2) throw Error(ErrorCode::Network, "nobody answers");
  });
  EXPECT_THAT(error_of([&] { Client(options).download({.object = kObject}); }).what(),
              HasSubstr("nobody answers"));
}

TEST(Lesson, KeysThatAreAlwaysRefusedEnd) {
  const ScriptedServer server(
      [&](const ScriptedRequest&) { return s3_error(400, "ExpiredToken"); });
  NumberedKeys keys;
  ClientOptions options = options_for(server);
  options.credentials_provider = keys.provider();
  EXPECT_EQ(error_of([&] { Client(options).download({.object = kObject}); }).code(),
            ErrorCode::PermissionDenied);
  EXPECT_EQ(server.requests().size(), 5u);
}

TEST(Lesson, AServerThatSendsBackWhatItWasSentGivesNothingAway) {
  const std::string key(32, 'k');
  // The word is cut at 300 characters, in the midst of a secret.
  const std::string secret = "secret-access-key", token(200, 't');
  for (const std::string& code : {std::string("InvalidToken"), secret})
    for (const std::size_t before : {0, 150, 290}) {
      const ScriptedServer server([&](const ScriptedRequest& r) {
        return s3_error(403, code,
                        std::string(before, 'x') + secret + r.header("x-amz-security-token") +
                            r.header("x-amz-server-side-encryption-customer-key"));
      });
      ClientOptions options = options_for(server);
      options.credentials = {"AKIDEXAMPLE", Secret(secret), Secret(token)};
      Client client(options);
      const ObjectAccess access{.customer_key = Secret(key)};
      std::optional<Error> removal;
      client.remove_many(
          {.objects = {kObject}, .on_end = [&](const ObjectEnd& end) { removal = end.error; }});
      ASSERT_TRUE(removal);
      for (const Error& error :
           {error_of([&] { client.download({.object = kObject, .access = access}); }),
            error_of([&] { client.put_object({.object = kObject, .access = access}); }), *removal})
        for (const char* part : {"secret-", "ttt", "a2tra2"})  // the last: base64 of "kkkk"
          EXPECT_THAT(error.what(), Not(HasSubstr(part)));
    }
}

TEST(Lesson, APutIsMadeAgainWithItsBody) {
  const ScriptedServer server([&](const ScriptedRequest& r) {
    ScriptedReply reply;
    if (region_of(r) == "eu-south-1") {
      reply.headers["ETag"] = kEtag;
      return reply;
    }
    reply = s3_error(301, "PermanentRedirect");
    reply.headers["x-amz-bucket-region"] = "eu-south-1";
    return reply;
  });
  Client client(options_for(server));
  EXPECT_EQ(client.put_object({.object = kObject, .bytes = "content"}), kEtag);
  EXPECT_EQ(server.requests().back().body, "content");
}

TEST(Dates, ReadTheFormsOfCredentialsAndHeaders) {
  // 784111777 is RFC 9110's example, Sun, 06 Nov 1994 08:49:37 GMT.
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(to_iso_date(784111777), "1994-11-06T08:49:37Z");
  for (const char* text :
       {"1994-11-06T08:49:37Z", "1994-11-06T08:49:37.999Z", "1994-11-06T09:49:37+01:00",
        "1994-11-06T03:49:37-0500", "1994-11-06T08:49:37UTC", "1994-11-06 08:49:37Z"})
    EXPECT_EQ(parse_iso_date(text), 784111777) << text;
  EXPECT_EQ(parse_iso_date("2024-02-29T00:00:00Z"), 1709164800);
  for (const char* text :
       {"", "1994-11-06", "1994-11-06T08:49:37", "1994-13-06T08:49:37Z", "2023-02-29T00:00:00Z",
        "1994-11-06T24:00:00Z", "1994-11-06T08:49:37.Z", "1994-11-06T08:49:37Zx",
        "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00", "99999-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_iso_date(text)) << text;
  for (const char* text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                           "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 PST"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

}  // namespace
}  // namespace skipjack::s3
