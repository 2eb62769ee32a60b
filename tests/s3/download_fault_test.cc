// Downloads end to end against a scripted server on loopback: answers that break, lie or never
// come.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "../thrown.h"
#include "download_fixture.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/client.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;

TEST_P(DownloadTest, GoesOnFromTheLastByteAfterATruncatedBody) {
  const std::string object = test_object(300'000);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    ScriptedReply reply = serve_object(r, object, kEtag);
    if (r.number == 2) {
      reply.missing_bytes = reply.body.size() - 12345;
      reply.body.resize(12345);
      reply.then = ScriptedReply::Then::Close;
    }
    return reply;
  });
  const DownloadResult result =
      Client(options_for(server))
          .download({.object = object_, .target = ToFile{folder_ / "out"}, .config = kSmallParts});
  EXPECT_EQ(read_file(folder_ / "out"), object);
  EXPECT_EQ(result.num_retries, 1);
  const auto requests = server.requests();
  const std::string broken = requests[2].header("range");
  const std::size_t first = std::stoul(broken.substr(6));
  const std::string again =
      "bytes=" + std::to_string(first + 12345) + broken.substr(broken.find('-'));
  EXPECT_THAT(requests, testing::Contains(testing::ResultOf(
                            [](const ScriptedRequest& r) { return r.header("range"); }, again)));
}

TEST_P(DownloadTest, TriesAgainAfterResetsAnd503s) {
  const std::string object = test_object(1'000'000);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const ScriptedServer server([&](const ScriptedRequest& r) {
      Rng rng(seed, "faults", static_cast<std::uint64_t>(r.number));
      ScriptedReply reply = serve_object(r, object, kEtag);
      if (rng.bernoulli(0.05)) return s3_error(500, "InternalError");
      if (rng.bernoulli(0.15)) {
        const auto kept = static_cast<std::size_t>(
            rng.uniform_int(0, static_cast<std::int64_t>(reply.body.size()) - 1));
        reply.missing_bytes = reply.body.size() - kept;
        reply.body.resize(kept);
        reply.then = rng.bernoulli(0.5) ? ScriptedReply::Then::Reset : ScriptedReply::Then::Close;
      }
      return reply;
    });
    TransferConfig config = kSmallParts;
    config.num_download_attempts = 12;
    const DownloadResult result =
        Client(options_for(server))
            .download({.object = object_, .target = ToFile{folder_ / "out"}, .config = config});
    EXPECT_EQ(read_file(folder_ / "out"), object);
    EXPECT_EQ(result.num_requests, result.num_parts + result.num_retries);
  }
}

TEST_P(DownloadTest, GivesUpAfterTheAttemptsAskedFor) {
  const ScriptedServer server(
      [&](const ScriptedRequest&) { return s3_error(500, "InternalError", "we are sorry"); });
  const Error error = error_of([&] {
    Client(options_for(server))
        .download({.object = object_,
                   .target = ToFile{folder_ / "out"},
                   .config = {.num_download_attempts = 3}});
  });
  EXPECT_EQ(error.code(), ErrorCode::Network);
  EXPECT_THAT(error.what(), HasSubstr("InternalError: we are sorry"));
  EXPECT_THAT(error.what(), HasSubstr("3 attempts"));
  EXPECT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(files_in_folder(), 0u);
}

TEST_P(DownloadTest, AStalledAnswerIsAskedForAgain) {
  const std::string object = test_object(200'000);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    ScriptedReply reply = serve_object(r, object, kEtag);
    if (r.number == 1) {
      reply.missing_bytes = 1000;
      reply.body.resize(reply.body.size() - 1000);
      reply.then = ScriptedReply::Then::Stall;
    }
    return reply;
  });
  ClientOptions options = options_for(server);
  options.transport.stall_timeout = std::chrono::milliseconds(300);
  const DownloadResult result =
      Client(options).download({.object = object_, .target = ToMemory{}, .config = kSmallParts});
  EXPECT_EQ(result.memory.view(), object);
  EXPECT_EQ(result.num_retries, 1);
}

TEST_P(DownloadTest, ASlowAnswerIsNoStall) {
  const std::string object = test_object(60'000);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    ScriptedReply reply = serve_object(r, object, kEtag);
    reply.pause = std::chrono::milliseconds(300);
    return reply;
  });
  ClientOptions options = options_for(server);
  options.transport.stall_timeout = std::chrono::milliseconds(800);
  const DownloadResult result = Client(options).download({.object = object_, .target = ToMemory{}});
  EXPECT_EQ(result.memory.view(), object);
  EXPECT_EQ(result.num_retries, 0);
}

TEST_P(DownloadTest, AStallForGoodIsATimeout) {
  const ScriptedServer server([&](const ScriptedRequest&) {
    return ScriptedReply{.missing_bytes = 10, .then = ScriptedReply::Then::Stall};
  });
  ClientOptions options = options_for(server);
  options.transport.stall_timeout = std::chrono::milliseconds(100);
  const Error error = error_of([&] {
    Client(options).download({.object = object_, .config = {.num_download_attempts = 1}});
  });
  EXPECT_EQ(error.code(), ErrorCode::Timeout);
  EXPECT_THAT(error.what(), HasSubstr(server.url()));
}

TEST_P(DownloadTest, AnObjectThatChangesLeavesNothing) {
  const std::string object = test_object(300'000);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    return serve_object(r, object, r.number < 3 ? kEtag : "\"another\"");
  });
  write_file_atomically(folder_ / "out", "as it was");
  const Error error = error_of([&] {
    Client(options_for(server))
        .download({.object = object_, .target = ToFile{folder_ / "out"}, .config = kSmallParts});
  });
  EXPECT_EQ(error.code(), ErrorCode::Corrupted);
  EXPECT_THAT(error.what(), HasSubstr("changed during the download"));
  EXPECT_EQ(read_file(folder_ / "out"), "as it was");
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_P(DownloadTest, AServerThatIgnoresTheCallersIfMatchIsFoundOut) {
  const std::string object = test_object(300'000);
  const ScriptedServer server([&](ScriptedRequest r) {
    r.headers.erase("if-match");
    return serve_object(r, object, r.number < 3 ? kEtag : "\"another\"");
  });
  const Error error = error_of(
      [&] { Client(options_for(server)).download({.object = object_, .config = kSmallParts}); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupted);
}

TEST_P(DownloadTest, WrongRangesAreRefused) {
  const std::string object = test_object(300'000);
  for (const char* content_range :
       {"bytes 0-65535/300001", "bytes 1-65536/300000", "bytes 0-65534/300000", "nonsense",
        "bytes 0-99999999999999999999/300000"}) {
    const ScriptedServer server([&](const ScriptedRequest& r) {
      ScriptedReply reply = serve_object(r, object, kEtag);
      if (r.number == 2) reply.headers["Content-Range"] = content_range;
      return reply;
    });
    const Error error = error_of([&] {
      Client(options_for(server))
          .download({.object = object_, .target = ToFile{folder_ / "out"}, .config = kSmallParts});
    });
    EXPECT_EQ(error.code(), ErrorCode::Corrupted) << content_range;
    EXPECT_EQ(files_in_folder(), 0u);
  }
}

TEST_P(DownloadTest, BodiesThatEndWithTheirConnectionAreWhole) {
  const std::string object = test_object(300'000);
  const ScriptedServer server([&](const ScriptedRequest& request) {
    ScriptedReply reply = serve_object(request, object, kEtag);
    reply.says_no_length = true;
    reply.then = ScriptedReply::Then::Close;
    return reply;
  });
  Client client(options_for(server));
  const DownloadResult result =
      client.download({.object = object_, .target = ToMemory{}, .config = kSmallParts});
  EXPECT_TRUE(result.memory.view() == object);
  EXPECT_EQ(result.num_retries, 0);
}

TEST_P(DownloadTest, ALostEndOfChunksLosesNothing) {
  const std::string object = test_object(300'000);
  const ScriptedServer server([&](const ScriptedRequest& request) {
    ScriptedReply reply = serve_object(request, object, kEtag);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", reply.body.size());
    reply.body = size + reply.body + "\r\n";  // and no "0"
    reply.headers["Transfer-Encoding"] = "chunked";
    reply.says_no_length = true;
    reply.then = ScriptedReply::Then::Close;
    return reply;
  });
  Client client(options_for(server));
  const DownloadResult result =
      client.download({.object = object_, .target = ToMemory{}, .config = kSmallParts});
  EXPECT_TRUE(result.memory.view() == object);
}

TEST_P(DownloadTest, AServerThatIgnoresIfMatchIsFoundOut) {
  const std::string object = test_object(1000);
  const ScriptedServer server([&](ScriptedRequest request) {
    request.headers.erase("if-match");
    return serve_object(request, object, kEtag);
  });
  const Error error = error_of([&] {
    Client(options_for(server)).download({.object = object_, .if_match = "\"another\""});
  });
  EXPECT_EQ(error.code(), ErrorCode::Corrupted);
}

TEST_P(DownloadTest, FinalAnswersAreToldApart) {
  struct Case {
    int status;
    const char* s3_code;
    ErrorCode code;
    const char* says;
  };
  for (const Case& c :
       {Case{404, "NoSuchKey", ErrorCode::NotFound, "s3://bucket/some/key does not exist"},
        Case{404, "NoSuchBucket", ErrorCode::NotFound, "bucket bucket does not exist"},
        Case{403, "AccessDenied", ErrorCode::PermissionDenied, "AccessDenied"},
        Case{403, "SignatureDoesNotMatch", ErrorCode::PermissionDenied, "SignatureDoesNotMatch"},
        Case{403, "InvalidAccessKeyId", ErrorCode::PermissionDenied, "InvalidAccessKeyId"},
        Case{501, "NotImplemented", ErrorCode::Unsupported, "NotImplemented"}}) {
    const ScriptedServer server(
        [&](const ScriptedRequest&) { return s3_error(c.status, c.s3_code); });
    ClientOptions options = options_for(server);
    options.credentials = {"AKIDEXAMPLE", Secret("do-not-show-this"), Secret()};
    const Error error = error_of(
        [&] { Client(options).download({.object = object_, .target = ToFile{folder_ / "out"}}); });
    EXPECT_EQ(error.code(), c.code) << c.s3_code;
    EXPECT_THAT(error.what(), HasSubstr(c.says));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("do-not-show-this")));
    EXPECT_FALSE(error.try_this().empty());
    EXPECT_EQ(server.requests().size(), 1u);
    EXPECT_EQ(files_in_folder(), 0u);
  }
}

TEST_P(DownloadTest, ARedirectThatLeadsNowhereEnds) {
  const ScriptedServer server([&](const ScriptedRequest&) {
    ScriptedReply reply = s3_error(301, "PermanentRedirect");
    reply.headers["x-amz-bucket-region"] = "eu-south-1";
    return reply;
  });
  const Error error = error_of([&] { Client(options_for(server)).download({.object = object_}); });
  EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("eu-south-1"));
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_P(DownloadTest, AnUnreachableEndpointIsNamed) {
  std::string url;
  {
    const ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
    url = server.url();
  }
  const Error error = error_of([&] {
    Client({.endpoint = {.endpoint_url = url}, .seed = 1})
        .download({.object = object_, .target = ToFile{folder_ / "out"}});
  });
  EXPECT_EQ(error.code(), ErrorCode::Network);
  EXPECT_THAT(error.what(), HasSubstr("can't reach " + url));
  EXPECT_EQ(files_in_folder(), 0u);
}

TEST_P(DownloadTest, NonsenseInsteadOfHttpIsAnError) {
  // A Content-Length that is no number, and a header that does not end.
  const ScriptedServer server([](const ScriptedRequest& r) {
    ScriptedReply reply{
        .status = 206, .headers = {{"Content-Length", "many"}}, .then = ScriptedReply::Then::Close};
    if (r.number % 2 == 1) reply.headers = {{"X-Long", std::string(200'000, 'x')}};
    return reply;
  });
  Client client(options_for(server));
  for (int i = 0; i < 2; ++i)
    EXPECT_THROW(client.download({.object = object_, .config = {.num_download_attempts = 1}}),
                 Error);
}

}  // namespace
}  // namespace skipjack::s3
