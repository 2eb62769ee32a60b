// Downloads end to end against a scripted server on loopback: what good servers do, and the faults.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "../thrown.h"
#include "folder_test.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/client.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;
const std::string kEtag = "\"5d41402abc4b2a76b9719d911017c592\"";

struct TransportCase {
  const char* name;
  std::unique_ptr<Transport> (*make)(const TransportOptions&);
};

/// Over every transport there is.
class DownloadTest : public FolderTest, public testing::WithParamInterface<TransportCase> {
 protected:
  static ClientOptions options_for(const ScriptedServer& server) {
    return {
        .endpoint = {.endpoint_url = server.url()}, .make_transport = GetParam().make, .seed = 1};
  }

  const ObjectAddress object_{"bucket", "some/key"};
};

/// Parts small enough that a test moves little and still has many; requests can be counted, since
/// none asks for the checksum (object_checksum_test.cc) or a second time.
const TransferConfig kSmallParts{.max_concurrency = 4,
                                 .multipart_chunksize = 64 * kKiB,
                                 .io_chunksize = 10000,
                                 .hedge = false,
                                 .checksum = ChecksumValidation::WhenRequired};

TEST_P(DownloadTest, BringsTheSameBytesToEveryTarget) {
  const std::string object = test_object(1'000'003);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  Client client(options_for(server));
  const DownloadResult file = client.download(
      {.object = object_, .target = ToFile{folder_ / "out"}, .config = kSmallParts});
  EXPECT_EQ(read_file(folder_ / "out"), object);
  EXPECT_EQ(files_in_folder(), 1u);
  EXPECT_EQ(file.bytes, 1'000'003);
  EXPECT_EQ(file.num_parts, 16);
  EXPECT_EQ(file.num_requests, 16);
  EXPECT_EQ(file.num_retries, 0);
  EXPECT_EQ(file.etag, kEtag);
  EXPECT_EQ(file.config.max_concurrency, 4);
  EXPECT_EQ(file.config.io_chunksize, 10000);
  const DownloadResult memory =
      client.download({.object = object_, .target = ToMemory{}, .config = kSmallParts});
  EXPECT_EQ(memory.memory.view(), object);
  EXPECT_EQ(client.download({.object = object_, .config = kSmallParts}).bytes, 1'000'003);
}

TEST_P(DownloadTest, OpensNoMoreConnectionsThanItSays) {
  const std::string object = test_object(500'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  Client client(options_for(server));
  const DownloadResult first = client.download({.object = object_, .config = kSmallParts});
  const DownloadResult second = client.download({.object = object_, .config = kSmallParts});
  std::set<int> connections;
  for (const ScriptedRequest& request : server.requests()) connections.insert(request.connection);
  // The second download finds the connections of the first open.
  EXPECT_LE(connections.size(), 4u);
  EXPECT_EQ(static_cast<std::int64_t>(connections.size()),
            first.num_connections + second.num_connections);
}

TEST_P(DownloadTest, LaterPartsAskForTheSameVersion) {
  const std::string object = test_object(300'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  Client(options_for(server))
      .download({.object = object_, .version_id = "v/1", .config = kSmallParts});
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 5u);
  EXPECT_EQ(requests[0].header("range"), "bytes=0-65535");
  for (const ScriptedRequest& request : requests) {
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.path, "/bucket/some/key?versionId=v%2F1");
    EXPECT_EQ(request.header("if-match"), request.number == 0 ? "" : kEtag);
  }
}

TEST_P(DownloadTest, AnEmptyObjectIsAnEmptyFile) {
  const ScriptedServer server([&](const ScriptedRequest& r) { return serve_object(r, "", kEtag); });
  const DownloadResult result =
      Client(options_for(server)).download({.object = object_, .target = ToFile{folder_ / "out"}});
  EXPECT_EQ(result.bytes, 0);
  EXPECT_EQ(read_file(folder_ / "out"), "");
  EXPECT_EQ(server.requests()[0].header("range"), "bytes=0-2097151");
}

TEST_P(DownloadTest, AServerWithoutRangesIsReadInOne) {
  const std::string object = test_object(200'000);
  const ScriptedServer server(
      [&](const ScriptedRequest&) { return ScriptedReply{.body = object}; });
  const DownloadResult result =
      Client(options_for(server))
          .download({.object = object_, .target = ToMemory{}, .config = kSmallParts});
  EXPECT_EQ(result.memory.view(), object);
  EXPECT_EQ(result.config.max_concurrency, 1);
  EXPECT_EQ(result.num_requests, 1);
}

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

TEST_P(DownloadTest, CancelLeavesNothingBehind) {
  const std::string object = test_object(300'000);
  std::stop_source stop;
  const ScriptedServer server([&](const ScriptedRequest& r) {
    ScriptedReply reply = serve_object(r, object, kEtag);
    if (r.number == 2) {
      reply.missing_bytes = 100;
      reply.body.resize(reply.body.size() - 100);
      reply.then = ScriptedReply::Then::Stall;
      stop.request_stop();
    }
    return reply;
  });
  Client client(options_for(server));
  const Error error = error_of([&] {
    client.download({.object = object_,
                     .target = ToFile{folder_ / "out"},
                     .config = kSmallParts,
                     .stop = stop.get_token()});
  });
  EXPECT_EQ(error.code(), ErrorCode::Cancelled);
  EXPECT_EQ(files_in_folder(), 0u);
}

TEST_P(DownloadTest, ProgressGoesUpAndEndsAtTheTotal) {
  const std::string object = test_object(500'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  std::vector<std::int64_t> seen;
  Client(options_for(server))
      .download({.object = object_,
                 .config = kSmallParts,
                 .progress = [&](std::int64_t done,
                                 std::optional<std::int64_t>) { seen.push_back(done); },
                 .progress_interval = std::chrono::nanoseconds(1)});
  ASSERT_FALSE(seen.empty());
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), 500'000);
}

TEST_P(DownloadTest, BandwidthIsKeptOverAllConnections) {
  const std::string object = test_object(500'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  TransferConfig config = kSmallParts;
  config.max_bandwidth = 1'000'000;
  const DownloadResult result =
      Client(options_for(server))
          .download({.object = object_, .target = ToMemory{}, .config = config});
  EXPECT_EQ(result.memory.view(), object);
  // Half a second's worth, less the burst; the last bytes need not be waited for.
  EXPECT_GE(to_seconds(result.duration), 0.5 - 0.1 - 4 * 0.0656 * 1.0);
  EXPECT_EQ(result.config.max_bandwidth, 1'000'000);
}

TEST_P(DownloadTest, WaitingForTheBandwidthIsNoStall) {
  const std::string object = test_object(120'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  ClientOptions options = options_for(server);
  options.transport.stall_timeout = std::chrono::milliseconds(150);
  const DownloadResult result = Client(options).download(
      {.object = object_,
       .target = ToMemory{},
       .config = {.max_concurrency = 2, .multipart_chunksize = 40'000, .max_bandwidth = 100'000}});
  EXPECT_EQ(result.memory.view(), object);
  EXPECT_EQ(result.num_retries, 0);
}

TEST_P(DownloadTest, WithoutThreadsOneConnectionServesAll) {
  const std::string object = test_object(300'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  TransferConfig config = kSmallParts;
  config.use_threads = false;
  const DownloadResult result =
      Client(options_for(server))
          .download({.object = object_, .target = ToFile{folder_ / "out"}, .config = config});
  EXPECT_EQ(read_file(folder_ / "out"), object);
  EXPECT_EQ(result.num_connections, 1);
}

TEST_P(DownloadTest, PutSendsTheBytesAndHeadSeesThem) {
  std::string stored;
  const ScriptedServer server([&](const ScriptedRequest& r) {
    if (r.method != "PUT") {
      ScriptedReply reply = serve_object(r, stored, kEtag);
      reply.headers["Server"] = "scripted (test)";
      return reply;
    }
    stored = r.body;
    return ScriptedReply{.headers = {{"ETag", kEtag}}};
  });
  ClientOptions options = options_for(server);
  options.credentials = {"AKIDEXAMPLE", Secret("secret"), Secret()};
  Client client(options);
  const std::string object = test_object(70'000);
  EXPECT_EQ(client.put_object({.object = object_, .bytes = object}), kEtag);
  EXPECT_EQ(stored, object);
  const ObjectSummary summary = client.head_object(object_);
  EXPECT_EQ(summary.size, 70'000);
  EXPECT_EQ(summary.etag, kEtag);
  EXPECT_EQ(summary.server, "scripted (test)");
}

TEST_P(DownloadTest, AMissingFolderIsKnownBeforeTheFirstRequest) {
  const ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{}; });
  Client client(options_for(server));
  EXPECT_EQ(error_of([&] {
              client.download({.object = object_, .target = ToFile{folder_ / "no" / "out"}});
            }).code(),
            ErrorCode::NotFound);
  EXPECT_EQ(
      error_of([&] { client.download({.object = object_, .target = ToFile{folder_}}); }).code(),
      ErrorCode::InvalidArgument);
  EXPECT_TRUE(server.requests().empty());
}

TEST_P(DownloadTest, ADeviceIsWrittenToAndNotReplaced) {
  const std::string object = test_object(100'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  Client(options_for(server))
      .download({.object = object_, .target = ToFile{"/dev/null"}, .config = kSmallParts});
  struct stat status {};
  ASSERT_EQ(::stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

TEST_P(DownloadTest, AFullDiskIsAnIoError) {
  const std::string object = test_object(300'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  const Error error = error_of([&] {
    Client(options_for(server))
        .download({.object = object_, .target = ToFile{"/dev/full"}, .config = kSmallParts});
  });
  EXPECT_EQ(error.code(), ErrorCode::Io);
  EXPECT_THAT(error.what(), HasSubstr("/dev/full"));
}

TEST_P(DownloadTest, LongNamesGetATemporaryNameToo) {
  const std::string object = test_object(1000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  const std::filesystem::path path = folder_ / std::string(255, 'n');
  Client(options_for(server)).download({.object = object_, .target = ToFile{path}});
  EXPECT_EQ(read_file(path), object);
}

TEST_P(DownloadTest, TheClientGoesOnAfterAFailure) {
  const std::string object = test_object(300'000);
  const ScriptedServer server([&](const ScriptedRequest& r) {
    return r.number == 2 ? s3_error(403, "AccessDenied") : serve_object(r, object, kEtag);
  });
  Client client(options_for(server));
  EXPECT_THROW(client.download({.object = object_, .config = kSmallParts}), Error);
  EXPECT_EQ(client.download({.object = object_, .target = ToMemory{}, .config = kSmallParts})
                .memory.view(),
            object);
}

TEST_P(DownloadTest, FindsTheHostByItsName) {
  const std::string object = test_object(300'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); });
  ClientOptions options = options_for(server);
  options.endpoint.endpoint_url.replace(options.endpoint.endpoint_url.find("127.0.0.1"), 9,
                                        "localhost");
  EXPECT_EQ(Client(options)
                .download({.object = object_, .target = ToMemory{}, .config = kSmallParts})
                .memory.view(),
            object);
}

TEST_P(DownloadTest, TlsBringsTheSameBytes) {
  const TestCertificate certificate("IP:127.0.0.1");
  certificate.write_pem(folder_ / "ca.pem");
  const std::string object = test_object(3'000'000);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); }, &certificate);
  ClientOptions options = options_for(server);
  options.transport.ca_file = folder_ / "ca.pem";
  Client client(options);
  TransferConfig config = kSmallParts;
  config.multipart_chunksize = 512 * kKiB;
  for (int i = 0; i < 2; ++i) {
    const DownloadResult result =
        client.download({.object = object_, .target = ToMemory{}, .config = config});
    EXPECT_TRUE(result.memory.view() == object);
  }
}

/// More than a connection may take in at a turn: what it has received waits for the next one, while
/// others receive.
TEST_P(DownloadTest, TlsConnectionsTakeTurns) {
  const TestCertificate certificate("IP:127.0.0.1");
  certificate.write_pem(folder_ / "ca.pem");
  const std::string object = test_object(40'000'001);
  const ScriptedServer server(
      [&](const ScriptedRequest& r) { return serve_object(r, object, kEtag); }, &certificate);
  ClientOptions options = options_for(server);
  options.transport.ca_file = folder_ / "ca.pem";
  const DownloadResult result = Client(options).download(
      {.object = object_,
       .target = ToMemory{},
       .config = {.max_concurrency = 4, .multipart_chunksize = 9'999'999}});
  EXPECT_TRUE(result.memory.view() == object);
}

TEST_P(DownloadTest, TlsWithoutATrustedCertificateIsRefused) {
  const TestCertificate certificate("IP:127.0.0.1"), other("DNS:elsewhere.test");
  other.write_pem(folder_ / "other.pem");
  const auto serve = [](const ScriptedRequest& r) { return serve_object(r, "abc", kEtag); };
  const ScriptedServer untrusted(serve, &certificate), misnamed(serve, &other);
  for (const ScriptedServer* server : {&untrusted, &misnamed}) {
    ClientOptions options = options_for(*server);
    options.transport.ca_file = folder_ / "other.pem";
    const Error error =
        error_of([&] { Client(options).download({.object = object_, .target = ToMemory{}}); });
    EXPECT_EQ(error.code(), ErrorCode::Network);
    EXPECT_THAT(error.what(), HasSubstr("certificate"));
    EXPECT_THAT(server->requests(), testing::IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(, DownloadTest,
                         testing::Values(TransportCase{"Curl", &make_curl_transport},
                                         TransportCase{"Socket", &make_socket_transport}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace skipjack::s3
