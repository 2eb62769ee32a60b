// The examples that AWS prints in the S3 API reference, "Signature Calculations for the
// Authorization Header: Transferring Payload in a Single Chunk".
#include "skipjack/s3/sigv4.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

const Credentials kExampleKeys{"AKIAIOSFODNN7EXAMPLE",
                               Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), Secret()};
constexpr std::int64_t kExampleTime = 1369353600;  // 2013-05-24 00:00:00 UTC

RequestTarget example_target(const std::string& path) {
  return {"https", "examplebucket.s3.amazonaws.com", path, {}};
}

std::string signature_of(const HttpHeaders& headers) {
  for (const auto& [name, value] : headers)
    if (name == "Authorization") return value.substr(value.find("Signature=") + 10);
  return "none";
}

std::string find_header(const HttpHeaders& headers, const std::string& wanted) {
  for (const auto& [name, value] : headers)
    if (name == wanted) return value;
  return "";
}

TEST(SigV4, SignsGetObjectWithRangeAsAwsPrintsIt) {
  const RequestTarget target = example_target("/test.txt");
  const HttpHeaders headers = sign({.method = "GET",
                                    .target = target,
                                    .headers = {{"Range", "bytes=0-9"}},
                                    .region = "us-east-1",
                                    .unix_time = kExampleTime},
                                   kExampleKeys);
  EXPECT_EQ(signature_of(headers),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(find_header(headers, "x-amz-date"), "20130524T000000Z");
  EXPECT_NE(find_header(headers, "Authorization")
                .find("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"),
            std::string::npos);
}

TEST(SigV4, SignsPutObjectAsAwsPrintsIt) {
  const RequestTarget target =
      example_target("/" + percent_encode("test$file.text", Slashes::Keep));
  const std::string payload_hash = sha256_hex("Welcome to Amazon S3.");
  EXPECT_EQ(payload_hash, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
  const HttpHeaders headers = sign({.method = "PUT",
                                    .target = target,
                                    .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                                {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                                    .payload_hash = payload_hash,
                                    .region = "us-east-1",
                                    .unix_time = kExampleTime},
                                   kExampleKeys);
  EXPECT_EQ(signature_of(headers),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4, SignsQueryWithoutValueAsAwsPrintsIt) {
  RequestTarget target = example_target("/");
  target.query = {{"lifecycle", ""}};
  const HttpHeaders headers =
      sign({.method = "GET", .target = target, .region = "us-east-1", .unix_time = kExampleTime},
           kExampleKeys);
  EXPECT_EQ(signature_of(headers),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4, SignsListWithUnsortedQueryAsAwsPrintsIt) {
  RequestTarget target = example_target("/");
  target.query = {{"prefix", "J"}, {"max-keys", "2"}};
  const HttpHeaders headers =
      sign({.method = "GET", .target = target, .region = "us-east-1", .unix_time = kExampleTime},
           kExampleKeys);
  EXPECT_EQ(signature_of(headers),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4, HashOfNothingIsTheKnownConstant) { EXPECT_EQ(sha256_hex(""), kEmptyPayloadHash); }

TEST(SigV4, SendsAndSignsTheSessionToken) {
  const RequestTarget target = example_target("/test.txt");
  Credentials keys = kExampleKeys;
  keys.session_token = Secret("a-token");
  const HttpHeaders headers = sign(
      {.method = "GET", .target = target, .region = "us-east-1", .unix_time = kExampleTime}, keys);
  EXPECT_EQ(find_header(headers, "x-amz-security-token"), "a-token");
  EXPECT_NE(find_header(headers, "Authorization").find("x-amz-security-token"), std::string::npos);
}

TEST(SigV4, AnonymousRequestsCarryNoSignature) {
  const RequestTarget target = example_target("/test.txt");
  const HttpHeaders headers = sign(
      {.method = "GET", .target = target, .region = "us-east-1", .unix_time = kExampleTime}, {});
  EXPECT_EQ(signature_of(headers), "none");
  EXPECT_EQ(find_header(headers, "Host"), "examplebucket.s3.amazonaws.com");
}

TEST(SigV4, RefusesLineBreaksInHeaders) {
  const RequestTarget target = example_target("/test.txt");
  const SigningInput input{.method = "GET",
                           .target = target,
                           .headers = {{"Content-Type", "a\r\nEvil: b"}},
                           .region = "us-east-1",
                           .unix_time = kExampleTime};
  EXPECT_THROW(sign(input, kExampleKeys), Error);
  EXPECT_THROW(sign(input, {}), Error);
}

}  // namespace
}  // namespace skipjack::s3
