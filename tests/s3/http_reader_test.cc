#include "skipjack/s3/http_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Fed in pieces of so many bytes; what is left over is the beginning of the body.
std::string read(HttpReader& reader, std::string_view text, std::size_t piece,
                 std::string_view method = "GET") {
  reader.begin(method);
  std::size_t at = 0;
  while (at < text.size() && !reader.has_head())
    at += reader.read_head(bytes_of(text.substr(at, piece)));
  return std::string(text.substr(at));
}

std::string complaint(std::string_view text) {
  HttpReader reader;
  try {
    read(reader, text, 7);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::Network);
    return error.what();
  }
  return "";
}

class HttpReaderInPieces : public testing::TestWithParam<std::size_t> {};

TEST_P(HttpReaderInPieces, HeadEndsWhereTheBodyBegins) {
  HttpReader reader;
  const std::string rest = read(
      reader,
      "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nETag:  \"a\" \r\nX-Empty:\r\n\r\nhello",
      GetParam());
  EXPECT_EQ(rest, "hello");
  EXPECT_EQ(reader.head().status, 206);
  EXPECT_EQ(*reader.head().find("etag"), "\"a\"");
  EXPECT_EQ(*reader.head().find("x-empty"), "");
  EXPECT_EQ(reader.body_end(), BodyEnd::Length);
  EXPECT_EQ(reader.body_length(), 5);
  EXPECT_TRUE(reader.keeps_alive());
}

TEST_P(HttpReaderInPieces, InterimAnswersAreSkipped) {
  HttpReader reader;
  EXPECT_EQ(
      read(reader,
           "HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
           GetParam()),
      "x");
  EXPECT_EQ(reader.head().status, 200);
  EXPECT_EQ(reader.head().find("x"), nullptr);
}

TEST_P(HttpReaderInPieces, ChunksBecomeTheBody) {
  HttpReader reader;
  const std::string body = "5\r\nhello\r\n1;name=value\r\n,\r\n0\r\nTrailer: x\r\n\r\nnext";
  std::string left =
      read(reader, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body, GetParam());
  EXPECT_EQ(reader.body_end(), BodyEnd::Chunks);
  std::string taken;
  while (!reader.chunks_ended() && !left.empty()) {
    const std::size_t size = reader.read_chunks(
        bytes_of(std::string_view(left).substr(0, GetParam())),
        [&](std::span<const std::byte> bytes) {
          taken.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
          return true;
        });
    left.erase(0, size);
  }
  EXPECT_TRUE(reader.chunks_ended());
  EXPECT_EQ(taken, "hello,");
  EXPECT_EQ(left, "next");
}

INSTANTIATE_TEST_SUITE_P(, HttpReaderInPieces, testing::Values(1, 2, 7, 1000));

TEST(HttpReader, KnowsHowBodiesEnd) {
  HttpReader reader;
  read(reader, "HTTP/1.1 200 OK\r\n\r\n", 100);
  EXPECT_EQ(reader.body_end(), BodyEnd::Closing);
  EXPECT_FALSE(reader.keeps_alive());
  read(reader, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 100, "HEAD");
  EXPECT_EQ(reader.body_end(), BodyEnd::None);
  EXPECT_TRUE(reader.keeps_alive());
  read(reader, "HTTP/1.1 204 No Content\r\n\r\n", 100);
  EXPECT_EQ(reader.body_end(), BodyEnd::None);
  read(reader, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 100);
  EXPECT_EQ(reader.body_end(), BodyEnd::None);
  EXPECT_FALSE(reader.keeps_alive());
  read(reader, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", 100);
  EXPECT_EQ(reader.body_end(), BodyEnd::Length);
  EXPECT_FALSE(reader.keeps_alive());
}

TEST(HttpReader, RefusesWhatIsNoHttp) {
  EXPECT_THAT(complaint("SSH-2.0-OpenSSH_9.2\r\n"), HasSubstr("no HTTP"));
  EXPECT_THAT(complaint("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), HasSubstr("no HTTP"));
  EXPECT_THAT(
      complaint("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
      HasSubstr("no HTTP"));
  EXPECT_THAT(complaint("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
              HasSubstr("no HTTP"));
  EXPECT_THAT(complaint("HTTP/1.1 200 OK\r\n" + std::string(70'000, 'x') + ": 1\r\n\r\n"),
              HasSubstr("64 KiB"));
}

TEST(HttpReader, ARefusedChunkEndsTheReading) {
  HttpReader reader;
  std::string left = read(
      reader, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 500);
  EXPECT_LT(reader.read_chunks(bytes_of(left), [](std::span<const std::byte>) { return false; }),
            left.size());
  EXPECT_FALSE(reader.chunks_ended());
}

}  // namespace
}  // namespace skipjack::s3
