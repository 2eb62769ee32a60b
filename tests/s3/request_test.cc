// Addresses, endpoints, answers, lessons and retry decisions: the pure parts around a request.
#include <gtest/gtest.h>

#include <cmath>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/answer.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/retry.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

TEST(S3Uri, KeepsWhateverTheKeyHolds) {
  EXPECT_EQ(parse_s3_uri("s3://bucket/a/b c?d#e%20//f"),
            (ObjectAddress{"bucket", "a/b c?d#e%20//f"}));
  EXPECT_EQ(parse_s3_uri("s3://bucket"), (ObjectAddress{"bucket", ""}));
  EXPECT_EQ(to_s3_uri({"bucket", "k"}), "s3://bucket/k");
}

TEST(S3Uri, RefusesWhatIsNone) {
  for (const char* text :
       {"", "bucket/key", "s3:/b/k", "s3://", "s3:///key", "s3://bad bucket/k", "s3://../k"})
    EXPECT_THROW(parse_s3_uri(text), Error) << text;
}

TEST(PercentEncode, LeavesUnreservedCharactersAlone) {
  // RFC 3986, section 2.3; SigV4 wants upper-case hexadecimal.
  EXPECT_EQ(percent_encode("AZaz09-._~", Slashes::Encode), "AZaz09-._~");
  EXPECT_EQ(percent_encode("a/b c+d$\xc3\xa4", Slashes::Keep), "a/b%20c%2Bd%24%C3%A4");
  EXPECT_EQ(percent_encode("a/b", Slashes::Encode), "a%2Fb");
}

TEST(Endpoint, AwsIsVirtualHosted) {
  EXPECT_EQ(request_target({.region = "eu-central-1"}, {"bucket", "a/b c"}).url(),
            "https://bucket.s3.eu-central-1.amazonaws.com/a/b%20c");
  EXPECT_EQ(request_target({.region = "cn-north-1"}, {"bucket", "k"}).authority,
            "bucket.s3.cn-north-1.amazonaws.com.cn");
}

TEST(Endpoint, DotsInABucketMeanPathStyle) {
  EXPECT_EQ(request_target({}, {"my.bucket", "k"}).url(),
            "https://s3.us-east-1.amazonaws.com/my.bucket/k");
}

TEST(Endpoint, CustomEndpointsArePathStyleUnlessToldOtherwise) {
  EXPECT_EQ(request_target({.endpoint_url = "http://127.0.0.1:9000/"}, {"b", "k"}).url(),
            "http://127.0.0.1:9000/b/k");
  EXPECT_EQ(request_target({.endpoint_url = "http://s3.example.org",
                            .addressing_style = AddressingStyle::Virtual},
                           {"b", "k"})
                .url(),
            "http://b.s3.example.org/k");
}

TEST(Endpoint, LeavesTheSchemesOwnPortOut) {
  EXPECT_EQ(request_target({.endpoint_url = "HTTPS://h:443"}, {"b", "k"}).authority, "h");
  EXPECT_EQ(request_target({.endpoint_url = "http://h:443"}, {"b", "k"}).authority, "h:443");
  EXPECT_EQ(request_target({.endpoint_url = "http://[::1]:9000"}, {"b", "k"}).authority,
            "[::1]:9000");
  EXPECT_EQ(request_target({.endpoint_url = "http://[fe80::1%eth0]"}, {"b", "k"}).authority,
            "[fe80::1%eth0]");
}

TEST(Endpoint, EncodesTheQuery) {
  RequestTarget target = request_target({.endpoint_url = "http://h"}, {"b", "k"});
  target.query = {{"versionId", "a/b+c"}};
  EXPECT_EQ(target.url(), "http://h/b/k?versionId=a%2Fb%2Bc");
}

TEST(Endpoint, RefusesBadUrls) {
  for (const char* url :
       {"h:9000", "ftp://h", "http://", "http://:9000", "http://user@h", "http://h:0",
        "http://h:99999", "http://h:x", "http://h/?a=b", "http://h\r\nx: y", "http://[::1",
        "http://[::1]x:9000", "http://fe80::1:9000", "http://[]:9000", "http://[a]b]",
        "http://[127.0.0.1]:9000"})
    EXPECT_THROW(request_target({.endpoint_url = url}, {"b", "k"}), Error) << url;
  EXPECT_THROW(request_target({.region = "us east"}, {"b", "k"}), Error);
  EXPECT_THROW(request_target({}, {"b", std::string(1025, 'k')}), Error);
}

TEST(Endpoint, BucketsOfOtherKindsAreRefusedByName) {
  const auto code = [](const std::string& bucket, const EndpointOptions& endpoint = {}) {
    try {
      request_target(endpoint, {bucket, "k"});
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::Io;  // nothing was thrown
  };
  for (const char* bucket :
       {"arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/x",
        "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/x",
        "arn:aws:s3::123456789012:accesspoint/x.mrap", "b--use1-az4--x-s3", "b-123--op-s3"})
    EXPECT_EQ(code(bucket), ErrorCode::Unsupported) << bucket;
  EXPECT_EQ(code("b--use1-az4--x-s3", {.endpoint_url = "http://h"}), ErrorCode::Io);
  const std::string point = "arn:aws:s3:us-west-2:123456789012:accesspoint/x";
  EXPECT_EQ(code(point), ErrorCode::Io);
  EXPECT_EQ(code(point, {.use_accelerate_endpoint = true}), ErrorCode::InvalidArgument);
  EXPECT_EQ(code("dotted.name", {.use_accelerate_endpoint = true}), ErrorCode::InvalidArgument);
  EXPECT_EQ(code("b12", {.region = "cn-north-1", .use_accelerate_endpoint = true}),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(code("b12", {.use_fips_endpoint = true, .use_accelerate_endpoint = true}),
            ErrorCode::InvalidArgument);
}

TEST(S3Uri, AnAccessPointsNameIsNoKey) {
  const std::string point = "arn:aws:s3:us-west-2:123456789012:accesspoint/x";
  EXPECT_EQ(parse_s3_uri("s3://" + point + "/a/b"), (ObjectAddress{point, "a/b"}));
  EXPECT_EQ(parse_s3_uri("s3://" + point), (ObjectAddress{point, ""}));
  EXPECT_EQ(to_s3_uri({point, "a/b"}), "s3://" + point + "/a/b");
  EXPECT_THROW(parse_s3_uri("s3://arn:aws:s3:us-west-2:123456789012:accesspoint"), Error);
}

TEST(WithoutSecrets, EndsWhateverTheSecret) {
  EXPECT_EQ(without_secrets("a*b**c", {"*"}), "a***b******c");
  EXPECT_EQ(without_secrets("xsecretsecretx", {"", "secret", "x"}), "************");
}

TEST(ContentRange, ReadsTheStandardsForms) {
  const auto range = parse_content_range("bytes 42-1233/1234");  // RFC 9110, section 14.4
  ASSERT_TRUE(range);
  EXPECT_EQ(range->range, (ByteRange{42, 1234}));
  EXPECT_EQ(range->total, 1234);
  EXPECT_FALSE(parse_content_range("bytes 42-1233/*")->total);
}

TEST(ContentRange, RefusesNonsense) {
  for (const char* text :
       {"", "bytes", "bytes */1234", "bytes 5-4/10", "bytes 0-10/10", "bytes -5/10", "bytes 0-/10",
        "bytes 0-1/ 2", "items 0-1/2", "bytes 0-9223372036854775807/*",
        "bytes 0-99999999999999999999/*", "bytes 1/2-3"})
    EXPECT_FALSE(parse_content_range(text)) << text;
}

TEST(S3ErrorBody, ReadsCodeAndMessageAndDropsControlCharacters) {
  const S3ErrorBody error = parse_s3_error(
      "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please&#27;[31m"
      "</Message></Error>");
  EXPECT_EQ(error.code, "SlowDown");
  EXPECT_EQ(error.message.find('\x1b'), std::string::npos);
  EXPECT_EQ(parse_s3_error("not xml at all <").code, "");
}

TEST(ToError, LackOfFilesIsNotBlamedOnTheEndpoint) {
  const Error error =
      to_error({.object = {"b", "k"}, .endpoint = "http://127.0.0.1:9000", .region = "us-east-1"},
               {.attempt = {.transport = TransportStatus::OutOfFiles},
                .transport_detail = "Too many open files, the limit of this process is 20"});
  EXPECT_EQ(error.code(), ErrorCode::Exhausted);
  const std::string text = std::string(error.what()) + "; " + error.try_this();
  for (const char* words : {"Too many open files", "20", "max_concurrency", "ulimit -n"})
    EXPECT_NE(text.find(words), std::string::npos) << text;
  EXPECT_EQ(text.find("127.0.0.1"), std::string::npos) << text;
}

constexpr RetryOptions kRetry;

TEST(Retry, TriesAgainWhatBoto3TriesAgain) {
  for (const int status : {429, 500, 502, 503, 504, 509})
    EXPECT_TRUE(is_retryable({.http_status = status})) << status;
  for (const int status : {400, 401, 403, 404, 412, 416, 501})
    EXPECT_FALSE(is_retryable({.http_status = status})) << status;
  for (const TransportStatus status :
       {TransportStatus::ConnectFailed, TransportStatus::OutOfFiles, TransportStatus::Reset,
        TransportStatus::Truncated, TransportStatus::TimedOut})
    EXPECT_TRUE(is_retryable({.transport = status}));
  for (const TransportStatus status :
       {TransportStatus::TlsFailed, TransportStatus::Aborted, TransportStatus::ProtocolError})
    EXPECT_FALSE(is_retryable({.transport = status}));
  EXPECT_TRUE(is_retryable({.http_status = 400, .s3_code = "RequestTimeout"}));
}

TEST(Retry, AttemptsAreATotal) {
  RetryQuota quota;
  EXPECT_TRUE(std::holds_alternative<RetryAfter>(
      decide_retry({.http_status = 500}, 4, 0.5, kRetry, quota)));
  EXPECT_EQ(std::get<GiveUp>(decide_retry({.http_status = 500}, 5, 0.5, kRetry, quota)),
            GiveUp::AttemptsUsedUp);
  EXPECT_EQ(std::get<GiveUp>(decide_retry({.http_status = 404}, 1, 0.5, kRetry, quota)),
            GiveUp::NotRetryable);
}

TEST(Retry, DelaysDoubleUpToTheCapWithFullJitter) {
  for (std::int64_t attempt = 1; attempt < 4000; attempt = attempt * 2 + 1) {
    RetryQuota quota;
    const RetryOptions options{.num_attempts = 100000};
    const double most = std::min(20.0, 0.05 * std::pow(2.0, static_cast<double>(attempt - 1)));
    const auto delay = [&](double u) {
      return to_seconds(std::get<RetryAfter>(decide_retry({.transport = TransportStatus::Reset},
                                                          attempt, u, options, quota))
                            .delay);
    };
    EXPECT_DOUBLE_EQ(delay(0), 0);
    EXPECT_NEAR(delay(0.5), most / 2, 1e-8);
  }
}

TEST(Retry, HonoursRetryAfterUpToTheCap) {
  RetryQuota quota;
  const auto delay = [&](int seconds) {
    return std::get<RetryAfter>(
               decide_retry({.http_status = 503, .retry_after = std::chrono::seconds(seconds)}, 1,
                            0, kRetry, quota))
        .delay;
  };
  EXPECT_EQ(delay(3), std::chrono::seconds(3));
  EXPECT_EQ(delay(3600), std::chrono::seconds(20));
}

/// Between the wait that was drawn and 5 s more [botocore, retries/standard.py].
TEST(Retry, AmazonsOwnRetryAfterIsHonouredWithinFiveSeconds) {
  RetryQuota quota;
  const auto delay = [&](std::int64_t milliseconds, double u) {
    const FailedAttempt failure{.http_status = 503,
                                .retry_after = std::chrono::seconds(19),
                                .amz_retry_after = std::chrono::milliseconds(milliseconds)};
    return to_seconds(std::get<RetryAfter>(decide_retry(failure, 1, u, kRetry, quota)).delay);
  };
  const double drawn = 0.5 * to_seconds(kRetry.throttled_base);
  EXPECT_DOUBLE_EQ(delay(1500, 0.5), 1.5);
  EXPECT_DOUBLE_EQ(delay(1, 0.5), drawn);
  EXPECT_DOUBLE_EQ(delay(3'600'000, 0.5), drawn + 5);
  EXPECT_EQ(parse_amz_retry_after("1500"), std::chrono::milliseconds(1500));
  EXPECT_EQ(parse_amz_retry_after("-1"), std::nullopt);
  EXPECT_EQ(parse_amz_retry_after("soon"), std::nullopt);
}

TEST(Retry, AQuotaEndsAStormOfRetries) {
  RetryQuota quota;
  int retries = 0;
  while (
      std::holds_alternative<RetryAfter>(decide_retry({.http_status = 500}, 1, 0.5, kRetry, quota)))
    ++retries;
  EXPECT_EQ(retries, 100);  // 500 tokens, 5 each.
  EXPECT_EQ(std::get<GiveUp>(decide_retry({.http_status = 500}, 1, 0.5, kRetry, quota)),
            GiveUp::QuotaUsedUp);
  quota.give(5);
  EXPECT_TRUE(std::holds_alternative<RetryAfter>(
      decide_retry({.http_status = 500}, 1, 0.5, kRetry, quota)));
}

TEST(Retry, AnOutageOfAllRequestsInFlightLeavesTheQuotaRoom) {
  RetryQuota quota;
  quota.make_room(128);
  quota.make_room(10);
  const auto all_time_out = [&] {
    for (int i = 0; i < 128; ++i)
      if (!std::holds_alternative<RetryAfter>(
              decide_retry({.transport = TransportStatus::TimedOut}, 1, 0.5, kRetry, quota)))
        return false;
    return true;
  };
  EXPECT_TRUE(all_time_out());
  EXPECT_TRUE(all_time_out());
  EXPECT_FALSE(all_time_out());
}

}  // namespace
}  // namespace skipjack::s3
