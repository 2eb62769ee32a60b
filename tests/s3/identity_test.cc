// Those who hand out keys, each played by a server on the loopback or a program: what they are
// asked, and what their answers become.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <thread>

#include "../thrown.h"
#include "identity_play.h"
#include "scripted_server.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/s3/container_credentials.h"
#include "skipjack/s3/environment.h"
#include "skipjack/s3/instance_metadata.h"
#include "skipjack/s3/process_credentials.h"
#include "skipjack/s3/sts.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;

TEST(InstanceMetadata, GivesKeysAndRegionForOneToken) {
  const ScriptedServer server(play_instance);
  InstanceMetadata instance({.endpoint = server.url()});
  expect_keys(*instance.credentials(), "IMDS");
  expect_keys(*instance.credentials(), "IMDS");
  EXPECT_EQ(instance.region(), "ap-southeast-2");
  EXPECT_EQ(instance.instance_type(), "m5d.12xlarge");
  const auto requests = server.requests();
  EXPECT_EQ(std::count_if(requests.begin(), requests.end(),
                          [](const auto& r) { return r.method == "PUT"; }),
            1);
}

TEST(InstanceMetadata, NeverAsksWithoutAToken) {
  for (const int status : {403, 404, 405}) {
    const ScriptedServer server([&](const ScriptedRequest& r) {
      return r.method == "PUT" ? ScriptedReply{.status = status} : play_instance(r);
    });
    InstanceMetadata instance({.endpoint = server.url()});
    EXPECT_FALSE(instance.credentials());
    EXPECT_FALSE(instance.region());
    ASSERT_EQ(server.requests().size(), 1u);
    EXPECT_EQ(server.requests()[0].method, "PUT");
  }
}

TEST(InstanceMetadata, AMachineWithoutTheServiceIsNoInstance) {
  std::string url;
  {
    const ScriptedServer gone(play_instance);
    url = gone.url();
  }
  InstanceMetadata instance({.endpoint = url});
  EXPECT_FALSE(instance.credentials());
  EXPECT_FALSE(instance.region());
}

TEST(InstanceMetadata, AnInstanceWithoutARoleHasNoKeys) {
  const ScriptedServer server([](const ScriptedRequest& r) {
    return r.path.find("/iam/") != std::string::npos ? ScriptedReply{.status = 404}
                                                     : play_instance(r);
  });
  InstanceMetadata instance({.endpoint = server.url()});
  EXPECT_FALSE(instance.credentials());
  EXPECT_EQ(instance.region(), "ap-southeast-2");
}

TEST(InstanceMetadata, TriesAgainWhenItIsThrottledAndTakesANewTokenForAStaleOne) {
  std::atomic<int> throttled = 0, stale = 0;
  const ScriptedServer server([&](const ScriptedRequest& r) -> ScriptedReply {
    if (throttled++ % 2 == 0) return {.status = 503};
    if (r.method == "GET" && stale++ == 0) return {.status = 401};
    return play_instance(r);
  });
  InstanceMetadata instance({.endpoint = server.url()});
  expect_keys(*instance.credentials(), "IMDS");
  EXPECT_GT(stale, 1);
}

TEST(InstanceMetadata, TroubleIsNoAbsence) {
  // At first, and with a token that has gone stale.
  for (const bool is_known : {false, true}) {
    std::atomic<bool> well = is_known, stale = false;
    const ScriptedServer server([&](const ScriptedRequest& r) -> ScriptedReply {
      if (r.method == "GET" && stale) return {.status = 401};
      if (r.method == "PUT" && !well) return {.status = 500};
      return play_instance(r);
    });
    InstanceMetadata instance({.endpoint = server.url(), .num_attempts = 1});
    if (is_known) expect_keys(*instance.credentials(), "IMDS");
    well = false;
    stale = is_known;
    EXPECT_EQ(error_of([&] { instance.credentials(); }).code(), ErrorCode::Network);
    EXPECT_FALSE(instance.region());
    well = true;
    stale = false;
    expect_keys(*instance.credentials(), "IMDS");
    EXPECT_EQ(instance.region(), "ap-southeast-2");
  }
}

TEST(InstanceMetadata, TheFirstQuestionIsRepeatedIfTheNumberOfAttemptsIsGiven) {
  for (const bool is_given : {false, true}) {
    std::atomic<int> num_puts = 0;
    const ScriptedServer server([&](const ScriptedRequest& r) -> ScriptedReply {
      if (r.method == "PUT" && num_puts++ == 0)
        return {.missing_bytes = 5, .then = ScriptedReply::Then::Close};
      return play_instance(r);
    });
    InstanceMetadataOptions options{.endpoint = server.url()};
    if (is_given) options.num_attempts = 2;
    EXPECT_EQ(InstanceMetadata(options).credentials().has_value(), is_given);
  }
}

TEST(InstanceMetadata, ForeignAnswersAreErrors) {
  for (const char* body :
       {"", "[1]", "{}", R"({"AccessKeyId": "A"})", R"({"AccessKeyId": "A", "SecretAccessKey": 1})",
        R"({"AccessKeyId": "A", "SecretAccessKey": "s", "Expiration": "soon"})"}) {
    const ScriptedServer server([&](const ScriptedRequest& r) {
      return r.path.ends_with("my-role") ? ok(body) : play_instance(r);
    });
    InstanceMetadata instance({.endpoint = server.url()});
    EXPECT_EQ(error_of([&] { instance.credentials(); }).code(), ErrorCode::Corrupted) << body;
  }
}

EnvironmentLookup lookup(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(ContainerCredentials, ShowTheTokenOfTheEnvironment) {
  const ScriptedServer server([](const ScriptedRequest& r) {
    return r.path == "/get?id=1" && r.header("authorization") == "Bearer x"
               ? ok(keys_json("POD"))
               : ScriptedReply{.status = 401};
  });
  const auto options =
      container_options(lookup({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/get?id=1"},
                                {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer x"}}));
  expect_keys(fetch_container_credentials(*options, {}), "POD");
}

TEST(ContainerCredentials, ReadTheTokensFileForEachRequest) {
  std::string path = (std::filesystem::temp_directory_path() / "skipjack-token-XXXXXX").string();
  ::close(::mkstemp(path.data()));
  const ScriptedServer server(
      [](const ScriptedRequest& r) { return ok(keys_json(r.header("authorization"))); });
  const auto options =
      container_options(lookup({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url()},
                                {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path},
                                {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this"}}));
  for (const char* token : {"first", "second"}) {
    write_file_atomically(path, token + std::string("\n"));
    expect_keys(fetch_container_credentials(*options, {}), token);
  }
  write_file_atomically(path, "two\nlines");
  EXPECT_EQ(error_of([&] { fetch_container_credentials(*options, {}); }).code(),
            ErrorCode::InvalidArgument);
  std::filesystem::remove(path);
}

TEST(ContainerCredentials, GoNowhereElseInPlainHttp) {
  const auto url_of = [](const std::string& name, const std::string& value) {
    return container_options(lookup({{name, value}}))->url;
  };
  EXPECT_EQ(url_of("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"), "http://169.254.170.2/v2/x");
  for (const char* url : {"http://169.254.170.23/v1", "http://[fd00:ec2::23]/v1", "http://[::1]:1",
                          "http://localhost:1/x", "http://127.0.0.2", "https://example.com/x"})
    EXPECT_EQ(url_of("AWS_CONTAINER_CREDENTIALS_FULL_URI", url), url);
  for (const char* url : {"http://example.com/x", "http://169.254.169.254/",
                          "http://localhost.evil", "http://127.0.0.1:80@evil.com/",
                          "https://user@h/x", "http://128.0.0.1", "ftp://localhost", "localhost"})
    EXPECT_EQ(error_of([&] { url_of("AWS_CONTAINER_CREDENTIALS_FULL_URI", url); }).code(),
              ErrorCode::InvalidArgument)
        << url;
}

TEST(ProcessCredentials, WordsAreSplitAsAShellSplitsThem) {
  // What Python's shlex.split makes of them.
  EXPECT_EQ(split_command(R"(/bin/x  a 'b c' "d \"e\" \n" f\ g '' h"i"'j')"),
            (std::vector<std::string>{"/bin/x", "a", "b c", "d \"e\" \\n", "f g", "", "hij"}));
  for (const char* command : {"", "  ", "a 'b", "a \"b"})
    EXPECT_EQ(error_of([&] { split_command(command); }).code(), ErrorCode::InvalidArgument)
        << command;
}

TEST(ProcessCredentials, AreWhatTheProgramPrints) {
  expect_keys(fetch_process_credentials(
                  {.command = "printf %s '" + keys_json("PROC", "SessionToken") + "'"}),
              "PROC");
  const Credentials for_ever = fetch_process_credentials(
      {.command = R"(echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s"}')"});
  EXPECT_FALSE(for_ever.expires);
}

TEST(ProcessCredentials, FailuresAreToldApart) {
  const auto code = [](const std::string& command) {
    return error_of([&] {
             fetch_process_credentials(
                 {.command = command, .time_limit = std::chrono::milliseconds(300)});
           })
        .code();
  };
  EXPECT_EQ(code("/nowhere/at/all"), ErrorCode::NotFound);
  EXPECT_EQ(code("false"), ErrorCode::Io);
  EXPECT_EQ(code("sh -c 'kill -9 $$'"), ErrorCode::Io);
  EXPECT_EQ(code("echo hello"), ErrorCode::Corrupted);
  EXPECT_EQ(code(R"(echo '{"Version":2,"AccessKeyId":"A","SecretAccessKey":"s"}')"),
            ErrorCode::Corrupted);
  EXPECT_EQ(code("yes"), ErrorCode::Corrupted);
  EXPECT_EQ(code("sleep 60"), ErrorCode::Timeout);
  EXPECT_EQ(code("sh -c 'exec >&-; exec sleep 60'"), ErrorCode::Timeout);
}

TEST(ProcessCredentials, AStopEndsTheProgramAndAllBelowIt) {
  std::string path = (std::filesystem::temp_directory_path() / "skipjack-pid-XXXXXX").string();
  ::close(::mkstemp(path.data()));
  std::stop_source stop;
  const std::jthread stopper([&] {
    while (read_file(path).find('\n') == std::string::npos) std::this_thread::yield();
    stop.request_stop();
  });
  const Error error = error_of([&] {
    fetch_process_credentials(
        {.command = "sh -c 'sleep 60 & echo $! > " + path + "; wait'", .stop = stop.get_token()});
  });
  EXPECT_EQ(error.code(), ErrorCode::Cancelled);
  // Gone, or dead and not yet waited for by init.
  const std::filesystem::path status =
      "/proc/" + std::to_string(std::stoi(read_file(path))) + "/stat";
  for (int i = 0; i < 2000 && std::filesystem::exists(status); ++i) {
    try {
      if (read_file(status).find(") Z ") != std::string::npos) break;
    } catch (const Error&) {
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_LT(i, 1999) << "the sleeper lives";
  }
  std::filesystem::remove(path);
}

RoleOptions role_at(const ScriptedServer& server) {
  return {.role_arn = "arn:aws:iam::123456789012:role/r",
          .session_name = "me",
          .external_id = "x=y&z",
          .duration_seconds = 900,
          .endpoint_url = server.url(),
          .region = "eu-west-1"};
}

TEST(Sts, AssumesARoleWithASignedForm) {
  const ScriptedServer server(
      [](const ScriptedRequest&) { return ok(sts_xml("AssumeRole", "ROLE")); });
  expect_keys(
      assume_role(role_at(server), *make_static_provider({"SOURCE", Secret("s"), Secret("t")}), {}),
      "ROLE");
  const ScriptedRequest request = server.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/");
  EXPECT_EQ(
      request.body,
      "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2F"
      "r&RoleSessionName=me&ExternalId=x%3Dy%26z&DurationSeconds=900");
  EXPECT_THAT(request.header("authorization"), HasSubstr("Credential=SOURCE/"));
  EXPECT_THAT(request.header("authorization"), HasSubstr("/eu-west-1/sts/aws4_request"));
  EXPECT_EQ(request.header("x-amz-security-token"), "t");
}

TEST(Sts, ARefusalSaysWhy) {
  const ScriptedServer server([](const ScriptedRequest&) {
    return ScriptedReply{.status = 403,
                         .body =
                             "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: u is "
                             "not authorized</Message></Error></ErrorResponse>"};
  });
  const Error error = error_of([&] {
    assume_role(role_at(server), *make_static_provider({"A", Secret("secret"), {}}), {});
  });
  EXPECT_EQ(error.code(), ErrorCode::PermissionDenied);
  EXPECT_THAT(error.what(), HasSubstr("AccessDenied: User: u is not authorized"));
  EXPECT_THAT(error.what(), HasSubstr("role/r"));
}

TEST(Sts, TakesOverTheServicesClock) {
  std::atomic<int> num_requests = 0;
  const ScriptedServer server([&](const ScriptedRequest&) {
    if (num_requests++ > 0) return ok(sts_xml("AssumeRole", "ROLE"));
    return ScriptedReply{.status = 403, .headers = {{"Date", "Wed, 18 May 2033 03:33:20 GMT"}}};
  });
  assume_role(role_at(server), *make_static_provider({"A", Secret("s"), {}}), {});
  EXPECT_THAT(server.requests().at(1).header("x-amz-date"), HasSubstr("20330518T0333"));
}

TEST(Sts, KeysOfTheSourceThatEndedAreFetchedAnewOnce) {
  for (const int num_ended : {1, 2}) {
    const ScriptedServer server([&](const ScriptedRequest& r) {
      for (int i = 1; i <= num_ended; ++i)
        if (r.header("authorization").find("Credential=KEY" + std::to_string(i)) !=
            std::string::npos)
          return ScriptedReply{
              .status = 403,
              .body = "<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>"};
      return ok(sts_xml("AssumeRole", "ROLE"));
    });
    int num_fetches = 0;
    const auto source = make_refreshing_provider({.fetch = [&](const std::stop_token&) {
      return Credentials{"KEY" + std::to_string(++num_fetches), Secret("s"), Secret("t")};
    }});
    if (num_ended == 1)
      expect_keys(assume_role(role_at(server), *source, {}), "ROLE");
    else
      EXPECT_EQ(error_of([&] { assume_role(role_at(server), *source, {}); }).code(),
                ErrorCode::PermissionDenied);
    EXPECT_EQ(server.requests().size(), 2u);
  }
}

}  // namespace
}  // namespace skipjack::s3
