// The parts that read bytes of strangers: HTTP, signatures, upload framing, digests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "skipjack/base/rng.h"
#include "skipjack/s3sim/http.h"
#include "skipjack/s3sim/signature.h"
#include "skipjack/s3sim/upload.h"

namespace skipjack::s3sim {
namespace {

using Outcome = RequestParser::Outcome;

TEST(RequestParser, TakesPipelinedRequestsApartHoweverTheyAreCut) {
  const std::string first =
      "PUT /b/k?x=1 HTTP/1.1\r\nHost: h\r\nX-Amz-Meta-A:  v  \r\nContent-Length: 5\r\n\r\nhello";
  const std::string second = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string third =
      "PUT /b/c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  const std::string stream = first + second + third;
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    std::string body;
    RequestParser parser({.on_body = [&](std::string_view bytes) { body += bytes; }});
    std::vector<std::string> seen;
    std::string rest = stream;
    while (!rest.empty()) {
      const auto result = parser.feed(std::string_view(rest).substr(0, step));
      ASSERT_TRUE(result.outcome == Outcome::NeedMore || result.outcome == Outcome::Complete)
          << step;
      rest.erase(0, result.consumed);
      if (result.outcome != Outcome::Complete) continue;
      const Request& request = parser.request();
      seen.push_back(request.method + " " + request.path + " " + request.query + " " + body);
      if (seen.size() == 1) {
        EXPECT_EQ(*request.header("x-amz-meta-a"), "v");
        EXPECT_EQ(request.content_length, 5);
      }
      body.clear();
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"PUT /b/k x=1 hello", "GET /b  ", "PUT /b/c  abc"}))
        << step;
  }
}

TEST(RequestParser, RefusesLargeHeads) {
  RequestParser parser({.max_head_bytes = 1000});
  EXPECT_EQ(parser.feed("GET / HTTP/1.1\r\nA: " + std::string(2000, 'x')).outcome,
            Outcome::HeadTooLarge);
}

TEST(RequestParser, RefusesNonsense) {
  for (const char* text :
       {"hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "PUT /a HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "PUT /a HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "PUT /a HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"})
    EXPECT_EQ(RequestParser({}).feed(text).outcome, Outcome::Malformed) << text;
}

TEST(RequestParser, SurvivesRandomBytes) {
  const std::uint64_t seed = 77;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const std::string good =
      "PUT /b/k?x=1 HTTP/1.1\r\nHost: h\r\nRange: bytes=1-2\r\nContent-Length: 5\r\n\r\nhello";
  for (int round = 0; round < 20000; ++round) {
    std::string text = good;
    for (std::int64_t i = rng.uniform_int(1, 6); i > 0; --i)
      text[static_cast<std::size_t>(
          rng.uniform_int(0, static_cast<std::int64_t>(text.size()) - 1))] =
          static_cast<char>(rng.uniform_int(0, 255));
    const auto result = RequestParser({}).feed(text);
    EXPECT_LE(result.consumed, text.size());
  }
}

TEST(Range, FollowsTheGrammar) {
  const auto range = [](std::string_view text, std::int64_t size) -> std::string {
    const auto parsed = parse_range(text, size);
    if (std::holds_alternative<WholeObject>(parsed)) return "whole";
    if (std::holds_alternative<UnsatisfiableRange>(parsed)) return "416";
    const auto& bytes = std::get<ByteRange>(parsed);
    return std::to_string(bytes.begin) + ".." + std::to_string(bytes.end);
  };
  EXPECT_EQ(range("bytes=0-9", 100), "0..10");
  EXPECT_EQ(range("bytes=90-", 100), "90..100");
  EXPECT_EQ(range("bytes=90-1000", 100), "90..100");
  EXPECT_EQ(range("bytes=-5", 100), "95..100");
  EXPECT_EQ(range("bytes=-500", 100), "0..100");
  EXPECT_EQ(range("bytes=100-", 100), "416");
  EXPECT_EQ(range("bytes=-0", 100), "416");
  EXPECT_EQ(range("bytes=0-0", 0), "416");
  EXPECT_EQ(range("bytes=5-4", 100), "whole");
  EXPECT_EQ(range("bytes=0-1,5-6", 100), "whole");
  EXPECT_EQ(range("bytes=a-b", 100), "whole");
  EXPECT_EQ(range("items=0-1", 100), "whole");
  EXPECT_EQ(range("bytes=99999999999999999999-", 100), "whole");
  EXPECT_EQ(range("bytes=0-9223372036854775807", 100), "0..100");
}

TEST(HttpDate, KnowsTheExampleOfTheStandard) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date("06 Nov 1994"), std::nullopt);
  EXPECT_EQ(parse_http_date(""), std::nullopt);
}

TEST(PercentCoding, RoundTripsEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all, Slash::Encode)), all);
  EXPECT_EQ(percent_encode("a b/~", Slash::Keep), "a%20b/~");
  for (const char* bad : {"%", "%1", "%zz", "a%2"})
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

// The worked examples of AWS's page "Signature Calculations for the Authorization Header" and of
// the page on query parameters: key, date, requests and signatures as printed there.
const SigningKey kExampleKey{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
constexpr double kExampleTime = 1369353600;  // 2013-05-24T00:00:00Z
constexpr const char* kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Request example(std::string method, std::string path, std::string query, Fields headers,
                const std::string& signed_headers, const std::string& signature) {
  Request request{.method = std::move(method), .path = std::move(path), .query = std::move(query)};
  request.headers = std::move(headers);
  request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  request.headers.emplace_back("x-amz-date", "20130524T000000Z");
  request.headers.emplace_back(
      "authorization",
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
      "SignedHeaders=" +
          signed_headers + ",Signature=" + signature);
  return request;
}

std::vector<Request> published_examples() {
  return {
      example("GET", "/test.txt", "",
              {{"range", "bytes=0-9"}, {"x-amz-content-sha256", kEmptyHash}},
              "host;range;x-amz-content-sha256;x-amz-date",
              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
      example("PUT", "/test%24file.text", "",
              {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
               {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
               {"x-amz-content-sha256",
                "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}},
              "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
              "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
      example("GET", "/", "lifecycle", {{"x-amz-content-sha256", kEmptyHash}},
              "host;x-amz-content-sha256;x-amz-date",
              "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
      example("GET", "/", "max-keys=2&prefix=J", {{"x-amz-content-sha256", kEmptyHash}},
              "host;x-amz-content-sha256;x-amz-date",
              "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
  };
}

Request presigned_example() {
  Request request{.method = "GET", .path = "/test.txt"};
  request.query =
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-"
      "1%2Fs3%2F"
      "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-"
      "Signature="
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
  request.headers = {{"host", "examplebucket.s3.amazonaws.com"}};
  return request;
}

std::string code_of(const std::optional<Refusal>& refusal) {
  return refusal ? refusal->code : "accepted";
}

TEST(Signature, AcceptsThePublishedExamples) {
  for (const Request& request : published_examples())
    EXPECT_EQ(code_of(check_signature(request, kExampleKey, kExampleTime)), "accepted")
        << request.query;
  EXPECT_EQ(code_of(check_signature(presigned_example(), kExampleKey, kExampleTime + 3600)),
            "accepted");
}

TEST(Signature, RefusesEveryChangedPart) {
  for (const Request& good : published_examples()) {
    Request request = good;
    request.method = "DELETE";
    EXPECT_EQ(code_of(check_signature(request, kExampleKey, kExampleTime)),
              "SignatureDoesNotMatch");
    request = good;
    request.path += "x";
    EXPECT_EQ(code_of(check_signature(request, kExampleKey, kExampleTime)),
              "SignatureDoesNotMatch");
    request = good;
    request.query += "&extra=1";
    EXPECT_EQ(code_of(check_signature(request, kExampleKey, kExampleTime)),
              "SignatureDoesNotMatch");
    request = good;
    request.headers[0].second += "0";
    EXPECT_EQ(code_of(check_signature(request, kExampleKey, kExampleTime)),
              "SignatureDoesNotMatch");
    request = good;
    request.headers.emplace_back("x-amz-acl", "public-read");
    EXPECT_EQ(code_of(check_signature(request, kExampleKey, kExampleTime)), "AccessDenied");
    EXPECT_EQ(code_of(check_signature(good, {kExampleKey.access_key, "other"}, kExampleTime)),
              "SignatureDoesNotMatch");
    EXPECT_EQ(code_of(check_signature(good, {"OTHER", kExampleKey.secret_key}, kExampleTime)),
              "InvalidAccessKeyId");
    EXPECT_EQ(code_of(check_signature(good, kExampleKey, kExampleTime + 1000)),
              "RequestTimeTooSkewed");
    EXPECT_EQ(code_of(check_signature(good, kExampleKey, kExampleTime - 1000)),
              "RequestTimeTooSkewed");
  }
}

TEST(Signature, PresignedUrlExpires) {
  EXPECT_EQ(code_of(check_signature(presigned_example(), kExampleKey, kExampleTime + 86401)),
            "AccessDenied");
  Request longer = presigned_example();
  longer.query.replace(longer.query.find("86400"), 5, "96400");
  EXPECT_EQ(code_of(check_signature(longer, kExampleKey, kExampleTime)), "SignatureDoesNotMatch");
}

TEST(Signature, UnsignedAndMalformedRequestsAreRefused) {
  const Request bare{.method = "GET", .path = "/"};
  EXPECT_EQ(code_of(check_signature(bare, kExampleKey, kExampleTime)), "AccessDenied");
  for (const char* text :
       {"", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=a/b",
        "AWS4-HMAC-SHA256 Credential=////,SignedHeaders=,Signature=", "Basic abc", "AWS a:b"}) {
    Request request = bare;
    request.headers = {{"authorization", text}};
    EXPECT_NE(code_of(check_signature(request, kExampleKey, kExampleTime)), "accepted") << text;
  }
}

TEST(Digest, MatchesPublishedCheckValues) {
  const auto digest = [](const char* name, std::string_view text) {
    auto state = make_digest(name);
    state->update(text.substr(0, 4));
    state->update(text.substr(4));
    std::string hex;
    for (const char c : state->finish()) {
      char pair[3];
      std::snprintf(pair, sizeof pair, "%02x", static_cast<unsigned char>(c));
      hex += pair;
    }
    return hex;
  };
  // The catalogue of parametrised CRC algorithms gives each CRC's value of "123456789".
  EXPECT_EQ(digest("crc32", "123456789"), "cbf43926");
  EXPECT_EQ(digest("crc32c", "123456789"), "e3069283");
  EXPECT_EQ(digest("crc64nvme", "123456789"), "ae8b14860a799888");
  EXPECT_EQ(digest("md5", "message digest"), "f96b697d7cb7938d525a2f31aaf161d0");  // RFC 1321
  EXPECT_EQ(digest("sha1", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");  // FIPS 180
  EXPECT_EQ(make_digest("crc16"), nullptr);
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");  // RFC 4648
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
}

TEST(AwsChunked, DecodesHoweverTheBodyIsCut) {
  const std::string body =
      "4;chunk-signature=abc\r\nwiki\r\nB\r\npedia in \r\n\r\n0\r\nx-amz-checksum-crc32: "
      "abcd==\r\n\r\n";
  for (std::size_t step = 1; step <= body.size(); ++step) {
    AwsChunkedDecoder decoder;
    std::string out;
    for (std::size_t at = 0; at < body.size(); at += step)
      ASSERT_TRUE(decoder.feed(body.substr(at, step), out));
    EXPECT_TRUE(decoder.complete());
    EXPECT_EQ(out, "wikipedia in \r\n");
    ASSERT_EQ(decoder.trailers().size(), 1u);
    EXPECT_EQ(decoder.trailers()[0].first, "x-amz-checksum-crc32");
    EXPECT_EQ(decoder.trailers()[0].second, "abcd==");
  }
}

TEST(AwsChunked, RefusesBrokenFraming) {
  for (const std::string text : {"x\r\n", "\r\n", "4\r\nwikiX\r\n", "ffffffffffffffffff\r\n",
                                 "0\r\n\r\nmore", "0\r\nno colon\r\n", "4\nwiki"}) {
    AwsChunkedDecoder decoder;
    std::string out;
    EXPECT_FALSE(decoder.feed(text, out)) << text;
  }
  AwsChunkedDecoder decoder;
  std::string out;
  EXPECT_FALSE(decoder.feed(std::string(10000, '1'), out));
}

}  // namespace
}  // namespace skipjack::s3sim
