// The server through its socket, with curl as the referee of its HTTP.
#include "skipjack/s3sim/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3sim/synthetic.h"
#include "web.h"

namespace skipjack::s3sim {
namespace {

using testing::converse;
using ::testing::EndsWith;
using testing::fetch;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::WebReply;

std::string expected_bytes(std::uint64_t seed, const char* key, std::int64_t offset,
                           std::size_t size) {
  std::string bytes(size, '\0');
  synthetic_bytes(synthetic_phase(seed, "bench", key), offset,
                  std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

ServerOptions with_objects() {
  return {.seed = 5,
          .objects = {{.bucket = "bench", .key = "obj", .size = 10'000'000},
                      {.bucket = "bench", .key = "huge", .size = std::int64_t{50} << 40},
                      {.bucket = "bench", .key = "empty", .size = 0}}};
}

class ServerTest : public ::testing::Test {
 protected:
  std::string url(const std::string& path) const { return server_.endpoint_url() + path; }
  Server server_{with_objects()};
};

TEST_F(ServerTest, SyntheticObjectArrivesByteForByte) {
  const WebReply reply = fetch({.url = url("/bench/obj")});
  ASSERT_EQ(reply.status, 200) << reply.error;
  EXPECT_EQ(reply.headers.at("content-length"), "10000000");
  EXPECT_TRUE(reply.body == expected_bytes(5, "obj", 0, 10'000'000));
  EXPECT_THAT(reply.headers.at("etag"), StartsWith("\""));
}

TEST_F(ServerTest, RangesOfAHugeObjectArriveAcrossThePatternsEnd) {
  for (const std::int64_t begin :
       {std::int64_t{0}, kPatternBytes - 70000, (std::int64_t{50} << 40) - 1'000'000}) {
    const WebReply reply = fetch({.url = url("/bench/huge"),
                                  .headers = {"Range: bytes=" + std::to_string(begin) + "-" +
                                              std::to_string(begin + 999'999)}});
    ASSERT_EQ(reply.status, 206) << reply.error;
    EXPECT_EQ(reply.headers.at("content-range"), "bytes " + std::to_string(begin) + "-" +
                                                     std::to_string(begin + 999'999) + "/" +
                                                     std::to_string(std::int64_t{50} << 40));
    EXPECT_TRUE(reply.body == expected_bytes(5, "huge", begin, 1'000'000)) << begin;
  }
}

TEST_F(ServerTest, HeadTellsWhatGetWouldSend) {
  const WebReply head = fetch({.method = "HEAD", .url = url("/bench/huge")});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(std::int64_t{50} << 40));
  EXPECT_EQ(head.headers.at("accept-ranges"), "bytes");
  EXPECT_EQ(fetch({.url = url("/bench/empty")}).status, 200);
  EXPECT_EQ(fetch({.url = url("/bench/empty"), .headers = {"Range: bytes=0-"}}).status, 416);
}

TEST_F(ServerTest, ConditionsAreKept) {
  const std::string etag = fetch({.method = "HEAD", .url = url("/bench/obj")}).headers.at("etag");
  const auto status = [&](const std::string& header) {
    return fetch({.method = "HEAD", .url = url("/bench/obj"), .headers = {header}}).status;
  };
  EXPECT_EQ(status("If-Match: " + etag), 200);
  EXPECT_EQ(status("If-Match: *"), 200);
  EXPECT_EQ(status("If-Match: \"other\", " + etag), 200);
  EXPECT_EQ(status("If-Match: \"other\""), 412);
  EXPECT_EQ(status("If-None-Match: " + etag), 304);
  EXPECT_EQ(status("If-None-Match: \"other\""), 200);
  EXPECT_EQ(status("If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"), 304);
  EXPECT_EQ(status("If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT"), 412);
}

TEST_F(ServerTest, ReplacedObjectFailsIfMatchOfTheOldOne) {
  server_.put_object("bench", "changing", "old");
  const std::string etag = fetch({.url = url("/bench/changing")}).headers.at("etag");
  server_.put_object("bench", "changing", "new");
  EXPECT_EQ(fetch({.url = url("/bench/changing"), .headers = {"If-Match: " + etag}}).status, 412);
}

TEST_F(ServerTest, MissingThingsAreNamedByS3sCodes) {
  const WebReply key = fetch({.url = url("/bench/nothing")});
  EXPECT_EQ(key.status, 404);
  EXPECT_THAT(key.body, HasSubstr("<Code>NoSuchKey</Code>"));
  EXPECT_THAT(key.headers.at("content-type"), HasSubstr("xml"));
  const WebReply bucket = fetch({.url = url("/none/nothing")});
  EXPECT_EQ(bucket.status, 404);
  EXPECT_THAT(bucket.body, HasSubstr("<Code>NoSuchBucket</Code>"));
  EXPECT_EQ(fetch({.method = "HEAD", .url = url("/bench/nothing")}).status, 404);
  EXPECT_THAT(fetch({.method = "POST", .url = url("/bench/x?select")}).body,
              HasSubstr("<Code>NotImplemented</Code>"));
  EXPECT_THAT(
      fetch({.method = "PUT", .url = url("/bench/x?partNumber=1&uploadId=a"), .body = "x"}).body,
      HasSubstr("<Code>NoSuchUpload</Code>"));
  EXPECT_EQ(fetch({.url = url("/bench/%zz")}).status, 400);
  EXPECT_EQ(fetch({.method = "PUT", .url = url("/none/x"), .body = "x"}).status, 404);
}

TEST_F(ServerTest, PutObjectComesBackWithItsMd5AsEtag) {
  EXPECT_EQ(fetch({.method = "PUT", .url = url("/uploads")}).status, 200);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{3'000'000}}) {
    const std::string bytes = expected_bytes(1, "x", 0, size);
    const WebReply put = fetch({.method = "PUT",
                                .url = url("/uploads/a%20b/%C3%BC+x"),
                                .headers = {"Content-Type: text/x-test", "x-amz-meta-colour: blue"},
                                .body = bytes});
    ASSERT_EQ(put.status, 200) << put.body << put.error;
    if (size == 0) {
      EXPECT_EQ(put.headers.at("etag"), "\"d41d8cd98f00b204e9800998ecf8427e\"");
    }
    const WebReply get = fetch({.url = url("/uploads/a%20b/%C3%BC%2Bx")});
    EXPECT_EQ(get.status, 200);
    EXPECT_TRUE(get.body == bytes);
    EXPECT_EQ(get.headers.at("etag"), put.headers.at("etag"));
    EXPECT_EQ(get.headers.at("content-type"), "text/x-test");
    EXPECT_EQ(get.headers.at("x-amz-meta-colour"), "blue");
  }
  EXPECT_EQ(fetch({.method = "DELETE", .url = url("/uploads/a%20b/%C3%BC+x")}).status, 204);
  EXPECT_EQ(fetch({.url = url("/uploads/a%20b/%C3%BC+x")}).status, 404);
}

TEST_F(ServerTest, DamagedUploadIsRefusedAndLeavesNothing) {
  const auto put = [&](std::vector<std::string> headers, const std::string& body) {
    return fetch({.method = "PUT",
                  .url = url("/bench/damaged"),
                  .headers = std::move(headers),
                  .body = body});
  };
  EXPECT_THAT(put({"Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg=="}, "x").body,
              HasSubstr("<Code>BadDigest</Code>"));
  EXPECT_THAT(put({"x-amz-checksum-crc32: AAAAAA=="}, "x").body,
              HasSubstr("<Code>BadDigest</Code>"));
  EXPECT_THAT(put({"x-amz-content-sha256: " + std::string(64, '0')}, "x").body,
              HasSubstr("XAmzContentSHA256Mismatch"));
  EXPECT_THAT(put({"x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "x").body,
              HasSubstr("IncompleteBody"));
  EXPECT_EQ(fetch({.url = url("/bench/damaged")}).status, 404);
  // The right one: CRC-32 of "123456789" is cbf43926.
  EXPECT_EQ(put({"x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                 "Content-Encoding: aws-chunked", "x-amz-decoded-content-length: 9",
                 "x-amz-trailer: x-amz-checksum-crc32"},
                "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n")
                .status,
            200);
  const WebReply get =
      fetch({.url = url("/bench/damaged"), .headers = {"x-amz-checksum-mode: ENABLED"}});
  EXPECT_EQ(get.body, "123456789");
  EXPECT_EQ(get.headers.at("x-amz-checksum-crc32"), "y/Q5Jg==");
}

TEST_F(ServerTest, TellsTheChecksumOfTheWholeAndOfPartsAlone) {
  // Digests of "12345", "6789" and "123456789".
  const std::string crc32 = "x-amz-checksum-crc32", nvme = "x-amz-checksum-crc64nvme";
  server_.put_object("bench", "plain", "123456789");
  server_.put_object("bench", "old", "123456789", {.checksum = ""});
  server_.put_object("bench", "parts", "123456789", {.checksum = "crc32", .part_bytes = 5});
  server_.put_object("bench", "whole", "123456789", {.part_bytes = 5});
  const auto headers = [&](const std::string& key, std::vector<std::string> more = {},
                           const std::string& method = "GET") {
    more.push_back("x-amz-checksum-mode: ENABLED");
    return fetch({.method = method, .url = url("/bench/" + key), .headers = more}).headers;
  };
  EXPECT_EQ(headers("plain").at(nvme), "rosUhgp5mIg=");
  EXPECT_EQ(headers("plain", {}, "HEAD").at("x-amz-checksum-type"), "FULL_OBJECT");
  EXPECT_EQ(headers("plain", {"Range: bytes=0-100"}).at(nvme), "rosUhgp5mIg=");
  EXPECT_EQ(headers("plain", {"Range: bytes=0-7"}).count(nvme), 0u);
  EXPECT_EQ(fetch({.url = url("/bench/plain")}).headers.count(nvme), 0u);
  EXPECT_EQ(headers("old").count(nvme), 0u);

  EXPECT_THAT(headers("parts", {}, "HEAD").at(crc32), EndsWith("-2"));
  EXPECT_THAT(headers("parts").at("etag"), EndsWith("-2\""));
  EXPECT_EQ(headers("parts").at("x-amz-checksum-type"), "COMPOSITE");
  EXPECT_EQ(headers("parts", {"Range: bytes=0-4"}).at(crc32), "y/U6HA==");
  EXPECT_EQ(headers("parts", {"Range: bytes=5-8"}).at(crc32),
            headers("parts?partNumber=2").at(crc32));
  EXPECT_EQ(headers("parts", {"Range: bytes=4-8"}).count(crc32), 0u);
  EXPECT_EQ(headers("parts?partNumber=2").at("content-range"), "bytes 5-8/9");
  EXPECT_EQ(headers("parts?partNumber=2").at("x-amz-mp-parts-count"), "2");
  EXPECT_EQ(fetch({.url = url("/bench/parts?partNumber=3")}).status, 416);
  EXPECT_EQ(headers("whole", {}, "HEAD").at(nvme), "rosUhgp5mIg=");
}

TEST_F(ServerTest, ListsInPagesWithPrefixesInOrder) {
  for (const char* key : {"a/1", "a/2", "b", "c/x/1", "d & <e>"})
    server_.put_object("lists", key, "x");
  const WebReply all = fetch({.url = url("/lists?list-type=2")});
  EXPECT_THAT(all.body, HasSubstr("<KeyCount>5</KeyCount>"));
  EXPECT_THAT(all.body, HasSubstr("<Key>d &amp; &lt;e&gt;</Key>"));
  const WebReply top = fetch({.url = url("/lists/?list-type=2&delimiter=%2F")});
  EXPECT_THAT(top.body, HasSubstr("<Prefix>a/</Prefix>"));
  EXPECT_THAT(top.body, HasSubstr("<Prefix>c/</Prefix>"));
  EXPECT_THAT(top.body, Not(HasSubstr("<Key>a/1</Key>")));
  std::string token;
  std::string seen;
  for (int page = 0; page < 10; ++page) {
    const WebReply reply =
        fetch({.url = url("/lists?list-type=2&max-keys=1&delimiter=%2F" +
                          (token.empty() ? "" : "&continuation-token=" + token))});
    const auto text_of = [&](const std::string& tag) {
      const std::size_t at = reply.body.find("<" + tag + ">");
      if (at == std::string::npos) return std::string();
      const std::size_t begin = at + tag.size() + 2;
      return reply.body.substr(begin, reply.body.find('<', begin) - begin);
    };
    seen += text_of("Key") + text_of("CommonPrefixes><Prefix") + "|";
    token = text_of("NextContinuationToken");
    if (token.empty()) break;
    token.replace(token.find('%') == std::string::npos ? token.size() : token.find('%'),
                  token.find('%') == std::string::npos ? 0 : 1,
                  token.find('%') == std::string::npos ? "" : "%25");
  }
  EXPECT_EQ(seen, "a/|b|c/|d &amp; &lt;e&gt;|");
  EXPECT_THAT(fetch({.url = url("/lists?list-type=2&max-keys=x")}).body,
              HasSubstr("InvalidArgument"));
  EXPECT_THAT(fetch({.url = url("/")}).body, HasSubstr("<Name>lists</Name>"));
}

TEST(Server, ServesAFolderAndNothingOutsideIt) {
  const std::filesystem::path root =
      std::filesystem::temp_directory_path() / ("s3sim-folder-" + std::to_string(::getpid()));
  std::filesystem::create_directories(root / "shop" / "deep" / "er");
  std::ofstream(root / "shop" / "deep" / "er" / "file") << "inside";
  std::ofstream(root / "secret") << "outside";
  std::filesystem::create_symlink(root / "secret", root / "shop" / "link");
  {
    Server server({.folder = root.string()});
    EXPECT_EQ(fetch({.url = server.endpoint_url() + "/shop/deep/er/file"}).body, "inside");
    EXPECT_THAT(fetch({.url = server.endpoint_url() + "/shop?list-type=2"}).body,
                AllOf(HasSubstr("<Key>deep/er/file</Key>"), HasSubstr("<KeyCount>1</KeyCount>")));
    for (const char* path :
         {"/shop/../secret", "/shop/%2e%2e/secret", "/../secret", "/shop/link", "/shop//etc/passwd",
          "/shop/%2fetc%2fpasswd", "/%2e%2e/secret", "/shop/deep", "/./secret", "/shop/a%00b"}) {
      const WebReply reply = fetch({.url = server.endpoint_url() + path});
      EXPECT_GE(reply.status, 400) << path;
      EXPECT_THAT(reply.body, Not(HasSubstr("outside"))) << path;
    }
    EXPECT_THROW(Server({.folder = (root / "none").string()}), Error);
  }
  std::filesystem::remove_all(root);
}

TEST_F(ServerTest, UploadsBeyondTheMemoryLimitAreRefusedAndTheRoomComesBack) {
  Server small({.buckets = {"box"}, .memory_limit = 1'000'000});
  const auto put = [&](const char* key, std::size_t size) {
    return fetch({.method = "PUT",
                  .url = small.endpoint_url() + "/box/" + key,
                  .body = std::string(size, 'x')})
        .status;
  };
  EXPECT_EQ(put("a", 900'000), 200);
  EXPECT_EQ(put("b", 200'000), 507);
  EXPECT_EQ(fetch({.method = "DELETE", .url = small.endpoint_url() + "/box/a"}).status, 204);
  EXPECT_EQ(put("b", 900'000), 200);
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrderOnOneConnection) {
  const std::string reply =
      converse(server_.port(),
               "GET /bench/obj HTTP/1.1\r\nHost: h\r\nRange: bytes=0-3\r\n\r\n"
               "GET /bench/none HTTP/1.1\r\nHost: h\r\n\r\n"
               "HEAD /bench/obj HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const std::size_t first = reply.find("HTTP/1.1 206"), second = reply.find("HTTP/1.1 404"),
                    third = reply.find("HTTP/1.1 200");
  EXPECT_EQ(first, 0u);
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
  EXPECT_EQ(server_.stats().connections_accepted, 1);
}

TEST_F(ServerTest, ExpectedContinueIsGivenOrRefusedBeforeTheBody) {
  const std::string head =
      " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  EXPECT_THAT(converse(server_.port(), "PUT /none/k" + head), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(converse(server_.port(), "PUT /bench/k" + head), StartsWith("HTTP/1.1 100"));
  EXPECT_THAT(converse(server_.port(), "PUT /bench/k" + head + "body"), HasSubstr("HTTP/1.1 200"));
}

TEST_F(ServerTest, OutlivesHostileBytes) {
  const std::uint64_t seed = 4242;
  SCOPED_TRACE(seed);
  EXPECT_THAT(converse(server_.port(), "nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(converse(server_.port(), "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  Rng rng(seed);
  const std::string good =
      "PUT /bench/k?list-type=2 HTTP/1.1\r\nHost: h\r\nRange: bytes=1-2\r\nIf-Match: "
      "\"a\"\r\nConnection: close\r\n"
      "x-amz-content-sha256: STREAMING-X\r\nContent-Length: 20\r\n\r\n4\r\nbody\r\n0\r\n\r\n     ";
  for (int round = 0; round < 300; ++round) {
    std::string text = good;
    for (std::int64_t i = rng.uniform_int(1, 4); i > 0; --i)
      text[static_cast<std::size_t>(
          rng.uniform_int(0, static_cast<std::int64_t>(text.size()) - 1))] =
          static_cast<char>(rng.uniform_int(0, 255));
    text.resize(
        static_cast<std::size_t>(rng.uniform_int(1, static_cast<std::int64_t>(text.size()))));
    const std::string reply = converse(server_.port(), text);
    EXPECT_TRUE(reply.empty() || reply.starts_with("HTTP/1.1 ")) << text;
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_EQ(fetch({.method = "HEAD", .url = url("/bench/obj")}).status, 200);
}

TEST(Server, WithKeysRefusesUnsignedRequests) {
  Server server({.access_key = "AKIDTEST",
                 .secret_key = "s",
                 .objects = {{.bucket = "bench", .key = "o", .size = 5}}});
  const WebReply reply = fetch({.url = server.endpoint_url() + "/bench/o"});
  EXPECT_EQ(reply.status, 403);
  EXPECT_THAT(reply.body, HasSubstr("<Code>AccessDenied</Code>"));
  EXPECT_THROW(Server({.access_key = "only"}), Error);
}

TEST(Server, BadOptionsAreNamed) {
  EXPECT_THROW(Server({.port = 70000}), Error);
  EXPECT_THROW(Server({.host = "example.com"}), Error);
  Server first({});
  try {
    Server second({.port = first.port()});
    ADD_FAILURE() << "two servers on one port";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(first.port())));
  }
}

TEST(Server, StopsWithConnectionsOpenAndMayStopTwice) {
  Server server({.profile = {.name = "slow", .connection_bytes_per_second = 1e5},
                 .objects = {{.bucket = "bench", .key = "o", .size = 100'000'000}}});
  std::thread client(
      [&] { EXPECT_NE(fetch({.url = server.endpoint_url() + "/bench/o"}).error, ""); });
  while (server.stats().body_bytes_sent == 0) std::this_thread::yield();
  server.stop();
  client.join();
  server.stop();
  EXPECT_EQ(server.stats().open_connections, 0);
}

TEST(ParseSyntheticObject, ReadsTheCommandLinesForm) {
  const SyntheticObject object = parse_synthetic_object("bench/a/b=c=1GiB");
  EXPECT_EQ(object.bucket, "bench");
  EXPECT_EQ(object.key, "a/b=c");
  EXPECT_EQ(object.size, std::int64_t{1} << 30);
  for (const char* bad :
       {"", "bench", "bench/obj", "bench/=1", "/obj=1", "bench/obj=", "bench/obj=x", "B/o=1"})
    EXPECT_THROW(parse_synthetic_object(bad), Error) << bad;
}

TEST(Faults, ComeAsTheProfileSays) {
  const auto serve = [](Profile profile) {
    return ServerOptions{.profile = std::move(profile),
                         .objects = {{.bucket = "bench", .key = "o", .size = 5'000'000}},
                         .idle_timeout = std::chrono::milliseconds(300)};
  };
  {
    Server server(serve({.name = "t", .slow_down_odds = 1}));
    const WebReply reply = fetch({.url = server.endpoint_url() + "/bench/o"});
    EXPECT_EQ(reply.status, 503);
    EXPECT_THAT(reply.body, HasSubstr("<Code>SlowDown</Code>"));
    EXPECT_EQ(fetch({.method = "HEAD", .url = server.endpoint_url() + "/bench/o"}).status, 200);
  }
  {
    Server server(serve({.name = "t", .internal_error_odds = 1}));
    EXPECT_EQ(fetch({.url = server.endpoint_url() + "/bench/o"}).status, 500);
  }
  for (const Profile& profile :
       {Profile{.name = "t", .reset_odds = 1}, Profile{.name = "t", .truncate_odds = 1},
        Profile{.name = "t", .stall_odds = 1}}) {
    // A stall for ever is ended here by the idle timeout.
    Server server(serve(profile));
    const WebReply reply = fetch({.url = server.endpoint_url() + "/bench/o"});
    EXPECT_NE(reply.error, "");
    EXPECT_LT(reply.body.size(), 5'000'000u);
    EXPECT_EQ(server.stats().injected_faults, 1);
  }
  Server server(serve({.name = "t", .stall_odds = 1, .stall_seconds = 0.2}));
  const WebReply reply = fetch({.url = server.endpoint_url() + "/bench/o"});
  EXPECT_EQ(reply.body.size(), 5'000'000u);
  EXPECT_GE(reply.seconds, 0.2);
}

}  // namespace
}  // namespace skipjack::s3sim
