// Downloads end to end against a scripted server on loopback: what good servers do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "../thrown.h"
#include "download_fixture.h"
#include "scripted_server.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/s3/client.h"
#include "test_certificate.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;

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
