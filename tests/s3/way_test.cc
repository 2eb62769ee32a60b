// The way to the endpoint: addresses given instead of names, and proxies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "scripted_server.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/small_exchange.h"
#include "skipjack/s3/sts.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;

const ObjectAddress kObject{"bucket", "key"};

ScriptedReply serve(const ScriptedRequest& r) { return serve_object(r, "object", "\"e\""); }

/// The server's URL under a name that nobody knows.
std::string unknown_name(const ScriptedServer& server) {
  std::string url = server.url();
  return url.replace(url.find("127.0.0.1"), 9, "s3.name.invalid");
}

ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::Unsupported;
}

TEST(Way, GivenAddressesStandForTheName) {
  const ScriptedServer server(serve);
  const std::string url = unknown_name(server);
  // One of them leads nowhere, and is passed over.
  Client client({.endpoint = {.endpoint_url = url},
                 .transport = {.endpoint_ips = {"127.0.0.2", "127.0.0.1"}},
                 .seed = 1});
  EXPECT_EQ(client.download({.object = kObject}).bytes, 6);
  EXPECT_EQ("http://" + server.requests().at(0).header("host"), url);
}

TEST(Way, AGivenAddressMustStillProveItsName) {
  const TestCertificate certificate("IP:127.0.0.1");
  std::string path = (std::filesystem::temp_directory_path() / "skipjack-ca-XXXXXX").string();
  ::close(::mkstemp(path.data()));
  certificate.write_pem(path);
  const ScriptedServer server(serve, &certificate);
  const auto download = [&](const std::string& url) {
    return Client({.endpoint = {.endpoint_url = url},
                   .transport = {.ca_file = path, .endpoint_ips = {"127.0.0.1"}},
                   .seed = 1})
        .download({.object = kObject})
        .bytes;
  };
  EXPECT_EQ(download(server.url()), 6);
  const std::size_t num_requests = server.requests().size();
  EXPECT_EQ(code_of([&] { download(unknown_name(server)); }), ErrorCode::Network);
  EXPECT_EQ(server.requests().size(), num_requests);
  std::filesystem::remove(path);
}

TEST(Way, AddressesThatAreNoneAreRefused) {
  for (const TransportOptions& options :
       {TransportOptions{.endpoint_ips = {"localhost"}}, TransportOptions{.endpoint_ips = {""}},
        TransportOptions{.endpoint_ips = {"127.0.0.1:80"}},
        TransportOptions{.proxy = "http://p", .endpoint_ips = {"::1"}}})
    EXPECT_EQ(code_of([&] { validate(options); }), ErrorCode::InvalidArgument);
  EXPECT_EQ(code_of([] { make_curl_transport({.endpoint_ips = {"::1"}}); }),
            ErrorCode::Unsupported);
}

TEST(Way, AProxyIsAskedForTheWholeUrl) {
  const ScriptedServer proxy(serve);
  Client client({.endpoint = {.endpoint_url = "http://s3.name.invalid:9000"},
                 .transport = {.proxy = proxy.url()},
                 .seed = 1});
  EXPECT_EQ(client.download({.object = kObject}).bytes, 6);
  EXPECT_EQ(proxy.requests().at(0).path, "http://s3.name.invalid:9000/bucket/key");
}

TEST(Way, NothingBeginsALineOfItsOwn) {
  const ScriptedServer server(serve);
  for (const Credentials& keys : {Credentials{"A\r\nx: y", Secret("secret"), {}},
                                  Credentials{"A", Secret("secret"), Secret("t\nx: y")}})
    for (const std::string& proxy : {server.url(), std::string()})
      EXPECT_EQ(code_of([&] {
                  Client({.endpoint = {.endpoint_url = "http://s3.name.invalid"},
                          .credentials = keys,
                          .transport = {.proxy = proxy},
                          .seed = 1})
                      .download({.object = kObject});
                }),
                ErrorCode::InvalidArgument);
  for (const HttpRequest& request :
       {HttpRequest{.url = server.url(), .headers = {{"a", "b\r\nx: y"}}},
        HttpRequest{.url = server.url(), .headers = {{"a\nx", "b"}}},
        HttpRequest{.url = server.url(), .headers = {{"a", std::string("b\0c", 3)}}},
        HttpRequest{.url = server.url() + "/\r\nx: y"}})
    for (const auto make : {make_socket_transport, make_curl_transport}) {
      const auto transport = make(TransportOptions{});
      EXPECT_EQ(code_of([&] { exchange_once(*transport, request, {}); }),
                ErrorCode::InvalidArgument);
    }
  EXPECT_TRUE(server.requests().empty());
}

TEST(Way, FormsGetThroughAProxyToo) {
  const ScriptedServer proxy([](const ScriptedRequest&) { return ScriptedReply{.status = 403}; });
  RoleOptions role{.role_arn = "arn",
                   .session_name = "me",
                   .endpoint_url = "http://sts.name.invalid",
                   .region = "eu-west-1"};
  role.call.transport.proxy = proxy.url();
  EXPECT_EQ(code_of([&] {
              assume_role(role, *make_static_provider({"A", Secret("secret"), {}}), {});
            }),
            ErrorCode::PermissionDenied);
  const ScriptedRequest request = proxy.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "http://sts.name.invalid/");
  EXPECT_EQ(request.header("host"), "sts.name.invalid");
  EXPECT_THAT(request.body, HasSubstr("Action=AssumeRole"));
}

}  // namespace
}  // namespace skipjack::s3
