// Whether downloads find out that they brought other bytes than were stored, over whatever ways S3
// has of naming a checksum, and say so when they could not.
#include "skipjack/s3/object_checksum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "../temporary_folder.h"
#include "../thrown.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/file.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/client.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;
const std::string kEtag = "\"5d41402abc4b2a76b9719d911017c592\"";
const std::string kPartsEtag = "\"5d41402abc4b2a76b9719d911017c592-4\"";
constexpr std::size_t kPart = 64 * kKiB;

std::string checksum_of(ChecksumAlgorithm algorithm, std::string_view text) {
  return checksum_text(algorithm, std::as_bytes(std::span(text)));
}

class ObjectChecksumTest : public testing::Test {
 protected:
  using Handler = ScriptedServer::Handler;

  DownloadResult download(const Handler& handler, DownloadOptions options = {}) {
    // Ends before what the handler refers to.
    const ScriptedServer server(handler);
    Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
    options.object = {"bucket", "key"};
    options.target = ToMemory{};
    options.config.max_concurrency = options.config.max_concurrency.value_or(4);
    options.config.multipart_chunksize = kPart;
    options.config.io_chunksize = 10000;
    try {
      DownloadResult result = client.download(options);
      requests_ = server.requests();
      return result;
    } catch (...) {
      requests_ = server.requests();
      throw;
    }
  }
  /// Answers as S3 does for an object stored with this checksum: named where the answer is of the
  /// whole object, and only if it was asked for.
  static ScriptedReply serve(const ScriptedRequest& request, std::string_view object,
                             const HttpHeaders& checksum, const std::string& etag = kEtag) {
    ScriptedReply reply = serve_object(request, object, etag);
    const auto range = reply.headers.find("Content-Range");
    const bool is_whole =
        range == reply.headers.end() ||
        range->second.starts_with("bytes 0-" + std::to_string(object.size() - 1) + "/");
    if (reply.status < 300 && is_whole && request.header("x-amz-checksum-mode") == "ENABLED")
      for (const auto& [name, value] : checksum) reply.headers[name] = value;
    return reply;
  }
  int count(const std::string& method) const {
    int n = 0;
    for (const ScriptedRequest& request : requests_) n += request.method == method;
    return n;
  }

  const std::string object_ = test_object(300'000);
  const std::string small_ = test_object(50'000);
  std::vector<ScriptedRequest> requests_;  // of the last download
};

HttpHeaders stored(ChecksumAlgorithm algorithm, std::string_view object) {
  return {{checksum_header(algorithm), checksum_of(algorithm, object)},
          {"x-amz-checksum-type", "FULL_OBJECT"}};
}

TEST_F(ObjectChecksumTest, EveryCrcIsPutTogetherFromParts) {
  for (const auto algorithm :
       {ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc32}) {
    const DownloadResult result = download([&](const ScriptedRequest& r) {
      return serve(r, object_, stored(algorithm, object_), kPartsEtag);
    });
    EXPECT_EQ(result.checksum.verified, to_string(algorithm));
    EXPECT_EQ(result.checksum.note, "");
    EXPECT_EQ(result.memory.view(), object_);
    EXPECT_EQ(count("HEAD"), 1);
    EXPECT_EQ(result.num_requests, 6);
  }
}

TEST_F(ObjectChecksumTest, OneAnswerNeedsNoHead) {
  for (const auto algorithm : kChecksumAlgorithms) {
    const DownloadResult result = download(
        [&](const ScriptedRequest& r) { return serve(r, small_, stored(algorithm, small_)); });
    EXPECT_EQ(result.checksum.verified, to_string(algorithm));
    EXPECT_EQ(result.num_requests, 1);
  }
}

TEST_F(ObjectChecksumTest, OneAnswerThatNamesNoneIsFollowedByAHead) {
  // As many servers answer a request for a range, even of the whole object.
  const DownloadResult result = download([&](const ScriptedRequest& r) {
    return r.method == "HEAD" ? serve(r, small_, stored(ChecksumAlgorithm::Crc32, small_))
                              : serve_object(r, small_, kEtag);
  });
  EXPECT_EQ(result.checksum.verified, "CRC32");
  EXPECT_EQ(result.num_requests, 2);
  EXPECT_EQ(result.num_connections, 1);
}

TEST_F(ObjectChecksumTest, AnEmptyObjectIsVerifiedToo) {
  const DownloadResult result = download([&](const ScriptedRequest& r) {
    return serve(r, "", stored(ChecksumAlgorithm::Crc64Nvme, ""));
  });
  EXPECT_EQ(result.checksum.verified, "CRC64NVME");
}

TEST_F(ObjectChecksumTest, ADamagedByteIsFoundInPartsAndInOneAnswer) {
  for (const std::string& good : {object_, small_})
    for (const auto algorithm : {ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Sha256}) {
      if (good == object_ && algorithm == ChecksumAlgorithm::Sha256) continue;
      std::string bad = good;
      bad[bad.size() - 7] ^= 1;
      const auto action = [&] {
        download([&](const ScriptedRequest& r) { return serve(r, bad, stored(algorithm, good)); });
      };
      const std::string message = message_of(ErrorCode::Corrupted, action);
      EXPECT_THAT(message, HasSubstr("s3://bucket/key arrived damaged"));
      EXPECT_THAT(message, HasSubstr(checksum_of(algorithm, good)));
      EXPECT_THAT(message, HasSubstr(checksum_of(algorithm, bad)));
    }
}

TEST_F(ObjectChecksumTest, DamagedBytesLeaveNoFile) {
  const TemporaryFolder temporary;
  const std::filesystem::path folder = temporary.path();
  write_file_atomically(folder / "out", "what was there");
  std::string bad = object_;
  bad[0] ^= 1;
  const ScriptedServer server([&](const ScriptedRequest& r) {
    return serve(r, bad, stored(ChecksumAlgorithm::Crc32, object_));
  });
  Client client({.endpoint = {.endpoint_url = server.url()}, .seed = 1});
  const auto action = [&] {
    client.download({.object = {"bucket", "key"},
                     .target = ToFile{folder / "out"},
                     .config = {.multipart_chunksize = kPart}});
  };
  EXPECT_THAT(message_of(ErrorCode::Corrupted, action), HasSubstr("CRC32"));
  EXPECT_EQ(read_file(folder / "out"), "what was there");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST_F(ObjectChecksumTest, BodiesThatBreakAreSummedUpOnce) {
  const DownloadResult result = download([&](const ScriptedRequest& r) {
    ScriptedReply reply = serve(r, object_, stored(ChecksumAlgorithm::Crc64Nvme, object_));
    if (r.number % 3 == 1 && r.method == "GET" && reply.body.size() > 1000) {
      reply.missing_bytes = reply.body.size() / 2;
      reply.body.resize(reply.body.size() - reply.missing_bytes);
      reply.then = ScriptedReply::Then::Close;
    }
    return reply;
  });
  EXPECT_GT(result.num_retries, 0);
  EXPECT_EQ(result.checksum.verified, "CRC64NVME");
  EXPECT_EQ(result.memory.view(), object_);
}

TEST_F(ObjectChecksumTest, ABodyThatBeginsAgainIsSummedUpAnew) {
  // A server without ranges, whose first answer breaks.
  for (const auto algorithm : {ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Sha1}) {
    const DownloadResult result = download([&](const ScriptedRequest& r) {
      ScriptedReply reply{.body = object_};
      for (const auto& [header, value] : stored(algorithm, object_)) reply.headers[header] = value;
      if (r.number == 0) {
        reply.missing_bytes = 100'000;
        reply.body.resize(200'000);
        reply.then = ScriptedReply::Then::Close;
      }
      return reply;
    });
    EXPECT_EQ(result.num_retries, 1);
    EXPECT_EQ(result.checksum.verified, to_string(algorithm));
  }
}

TEST_F(ObjectChecksumTest, TheHeadAsksForTheSameObject) {
  download(
      [&](const ScriptedRequest& r) {
        return serve(r, object_, stored(ChecksumAlgorithm::Crc32, object_));
      },
      {.version_id = "v/1", .access = {.is_requester_paying = true}});
  for (const ScriptedRequest& request : requests_) {
    EXPECT_EQ(request.path, "/bucket/key?versionId=v%2F1");
    EXPECT_EQ(request.header("x-amz-request-payer"), "requester");
    EXPECT_EQ(request.header("x-amz-checksum-mode"), "ENABLED");
    EXPECT_EQ(request.header("if-match"), request.number == 0 ? "" : kEtag);
    if (request.method == "HEAD") {
      EXPECT_EQ(request.header("range"), "");
    }
  }
}

TEST_F(ObjectChecksumTest, TheHeadTakesNoConnectionBeyondTheBound) {
  for (const std::int64_t connections : {1, 3}) {
    const DownloadResult result = download(
        [&](const ScriptedRequest& r) {
          return serve(r, object_, stored(ChecksumAlgorithm::Crc32, object_));
        },
        {.config = {.max_concurrency = connections}});
    EXPECT_EQ(result.checksum.verified, "CRC32");
    EXPECT_LE(result.num_connections, connections);
    for (const ScriptedRequest& request : requests_) EXPECT_LT(request.connection, connections);
  }
}

TEST_F(ObjectChecksumTest, WhenRequiredAsksForNothing) {
  std::string bad = object_;
  bad[1000] ^= 1;
  const DownloadResult result = download(
      [&](const ScriptedRequest& r) {
        ScriptedReply reply = serve(r, bad, {});
        reply.headers["x-amz-checksum-crc32"] = "AAAAAA==";  // Not asked for, not looked at.
        return reply;
      },
      {.config = {.checksum = ChecksumValidation::WhenRequired}});
  EXPECT_EQ(result.checksum.verified, "");
  EXPECT_EQ(result.checksum.note, "checksum is when_required");
  EXPECT_EQ(count("HEAD"), 0);
  for (const ScriptedRequest& request : requests_)
    EXPECT_EQ(request.header("x-amz-checksum-mode"), "");
}

TEST_F(ObjectChecksumTest, SaysWhyNothingWasVerified) {
  const auto note = [&](const HttpHeaders& checksum, std::string_view object) {
    const DownloadResult result =
        download([&](const ScriptedRequest& r) { return serve(r, object, checksum); });
    EXPECT_EQ(result.checksum.verified, "");
    EXPECT_EQ(result.memory.view(), object);
    return result.checksum.note;
  };
  EXPECT_EQ(note({}, object_), "the server has none for this object");
  EXPECT_EQ(note({}, small_), "the server has none for this object");
  EXPECT_EQ(note(stored(ChecksumAlgorithm::Sha256, object_), object_),
            "a SHA256 that the answer with the bytes doesn't name can't be verified");
  const HttpHeaders composite{{"x-amz-checksum-crc32", "y/Q5Jg==-3"}};
  EXPECT_EQ(note(composite, object_), "the server's CRC32 is a checksum of the checksums of parts");
  EXPECT_EQ(note(composite, small_), "the server's CRC32 is a checksum of the checksums of parts");
}

TEST_F(ObjectChecksumTest, AHeadThatIsRefusedIsNoError) {
  const DownloadResult result = download([&](const ScriptedRequest& r) {
    return r.method == "HEAD" ? ScriptedReply{.status = 403} : serve_object(r, object_, kEtag);
  });
  EXPECT_EQ(result.checksum.note, "asking for it failed: HTTP 403");
  EXPECT_EQ(result.memory.view(), object_);
  EXPECT_EQ(count("HEAD"), 1);
}

TEST_F(ObjectChecksumTest, AHeadIsTriedAgain) {
  int heads = 0;
  const DownloadResult result = download([&](const ScriptedRequest& r) {
    if (r.method == "HEAD" && ++heads == 1) return ScriptedReply{.status = 503};
    if (r.method == "HEAD" && heads == 2) return ScriptedReply{.status = 500};
    return serve(r, object_, stored(ChecksumAlgorithm::Crc64Nvme, object_));
  });
  EXPECT_EQ(heads, 3);
  EXPECT_EQ(result.checksum.verified, "CRC64NVME");
}

TEST_F(ObjectChecksumTest, AHeadOfAnotherObjectSaysNothing) {
  const DownloadResult result = download([&](const ScriptedRequest& r) {
    if (r.method != "HEAD") return serve_object(r, object_, kEtag);
    ScriptedReply reply = serve(r, object_, stored(ChecksumAlgorithm::Crc32, small_));
    reply.headers["ETag"] = "\"another\"";
    return reply;
  });
  EXPECT_EQ(result.checksum.note, "the object was replaced meanwhile");
}

TEST_F(ObjectChecksumTest, PartsThatNameTheirChecksumAreHeldAgainstIt) {
  // As for an object that was uploaded in the very parts in which it is fetched.
  for (const auto algorithm : kChecksumAlgorithms)
    for (const bool is_damaged : {false, true}) {
      const Handler handler = [this, algorithm, is_damaged](const ScriptedRequest& r) {
        ScriptedReply reply =
            serve(r, object_, {{checksum_header(algorithm), checksum_of(algorithm, "") + "-5"}},
                  kPartsEtag);
        if (r.method == "HEAD") return reply;
        reply.headers[checksum_header(algorithm)] = checksum_of(algorithm, reply.body);
        if (is_damaged && r.header("range").starts_with("bytes=131072-")) reply.body[5] ^= 1;
        return reply;
      };
      if (is_damaged) {
        EXPECT_THAT(message_of(ErrorCode::Corrupted, [&] { download(handler); }),
                    HasSubstr("bytes 131072-196607 of s3://bucket/key"));
      } else {
        EXPECT_EQ(download(handler).checksum.verified,
                  std::string(to_string(algorithm)) + " of each part");
      }
    }
}

TEST_F(ObjectChecksumTest, APartOfTheObjectIsVerifiedOnlyByItsOwnChecksum) {
  const Handler plain = [&](const ScriptedRequest& r) {
    return serve(r, object_, stored(ChecksumAlgorithm::Crc32, object_));
  };
  const DownloadResult result = download(plain, {.range = ByteSpan{.begin = 1000, .end = 250'000}});
  EXPECT_EQ(result.checksum.note, "only a part of the object was fetched");
  EXPECT_EQ(count("HEAD"), 0);
  const DownloadResult named = download(
      [&](const ScriptedRequest& r) {
        ScriptedReply reply = serve_object(r, object_, kEtag);
        reply.headers["x-amz-checksum-sha1"] = checksum_of(ChecksumAlgorithm::Sha1, reply.body);
        return reply;
      },
      {.range = ByteSpan{.begin = 1000, .end = 250'000}});
  EXPECT_EQ(named.checksum.verified, "SHA1 of each part");
}

TEST_F(ObjectChecksumTest, ACompositeChecksumWithoutItsSuffixIsNotTakenForMore) {
  // S3's answer to a range that covers an object of several parts.
  const DownloadResult result = download([&](const ScriptedRequest& r) {
    return serve(r, small_,
                 {{"x-amz-checksum-crc32", r.method == "HEAD" ? "y/Q5Jg==-4" : "y/Q5Jg=="}},
                 kPartsEtag);
  });
  EXPECT_EQ(result.checksum.note, "the server's CRC32 is a checksum of the checksums of parts");
  EXPECT_EQ(result.memory.view(), small_);
}

/// Random pieces, each growing on its own, against the straight value.
TEST(ObjectChecksum, PiecesInAnyOrderAreTheWhole) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed, "pieces");
    const auto below = [&](std::uint64_t bound) {
      return static_cast<std::int64_t>(rng.next() % bound);
    };
    const std::string object = test_object(static_cast<std::size_t>(1 + below(60'000)));
    const auto size = static_cast<std::int64_t>(object.size());
    const auto algorithm = kChecksumAlgorithms[static_cast<std::size_t>(below(3))];
    const ObjectAddress address{"bucket", "key"};
    ObjectChecksum checksum(address, ChecksumValidation::WhenSupported);
    HttpHead head{.status = 200, .headers = stored(algorithm, object)};
    checksum.learn(head, {.range = {0, size}, .fetched = {0, size}, .object_size = size});

    std::vector<ByteRange> parts;
    for (std::int64_t begin = 0; begin < size;) {
      const std::int64_t end = std::min(size, begin + 1 + below(20'000));
      parts.push_back({begin, end});
      begin = end;
    }
    while (!parts.empty()) {
      const auto i = static_cast<std::size_t>(below(parts.size()));
      ByteRange& part = parts[i];
      const std::int64_t n = std::min(part.size(), 1 + below(9'000));
      checksum.add(part.begin,
                   std::as_bytes(std::span(object))
                       .subspan(static_cast<std::size_t>(part.begin), static_cast<std::size_t>(n)));
      part.begin += n;
      if (part.size() == 0) parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    }
    ASSERT_EQ(checksum.finish().verified, to_string(algorithm)) << "seed " << seed;
  }
}

TEST(ObjectChecksum, AShaOfBytesOutOfOrderIsNotVerified) {
  const ObjectAddress address{"bucket", "key"};
  ObjectChecksum checksum(address, ChecksumValidation::WhenSupported);
  const HttpHead head{.status = 200, .headers = stored(ChecksumAlgorithm::Sha1, "abc")};
  checksum.learn(head, {.range = {0, 3}, .fetched = {0, 3}, .object_size = 3});
  checksum.add(1, std::as_bytes(std::span("bc", 2)));
  checksum.add(0, std::as_bytes(std::span("a", 1)));
  EXPECT_EQ(checksum.finish().note, "a SHA1 needs all bytes in order");
}

}  // namespace
}  // namespace skipjack::s3
