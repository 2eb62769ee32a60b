// Those who hand out keys, each played by a server on the loopback or a program: what they are
// asked, what their answers become, and that no secret gets into a message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "../thrown.h"
#include "aws_files.h"
#include "scripted_server.h"
#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/container_credentials.h"
#include "skipjack/s3/dates.h"
#include "skipjack/s3/instance_metadata.h"
#include "skipjack/s3/process_credentials.h"
#include "skipjack/s3/sso.h"
#include "skipjack/s3/sts.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kExpiration = "2033-05-18T03:33:20Z";  // Unix time 2,000,000,000.
constexpr std::int64_t kExpires = 2'000'000'000;

std::string keys_json(const std::string& id, const std::string& token_key = "Token") {
  return R"({"Version": 1, "Code": "Success", "AccessKeyId": ")" + id +
         R"(", "SecretAccessKey": "secret-of-)" + id + R"(", ")" + token_key + R"(": "token-of-)" +
         id + R"(", "Expiration": ")" + kExpiration + R"("})";
}

std::string sts_xml(const std::string& action, const std::string& id) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><Credentials><AccessKeyId>" + id + "</AccessKeyId><SecretAccessKey>secret-of-" +
         id + "</SecretAccessKey><SessionToken>token-of-" + id + "</SessionToken><Expiration>" +
         kExpiration + "</Expiration></Credentials></" + action + "Result></" + action +
         "Response>";
}

std::string sso_json(const std::string& id) {
  return R"({"roleCredentials": {"accessKeyId": ")" + id + R"(", "secretAccessKey": "secret-of-)" +
         id + R"(", "sessionToken": "token-of-)" + id + R"(", "expiration": 2000000000000}})";
}

void expect_keys(const Credentials& keys, const std::string& id) {
  EXPECT_EQ(keys.access_key_id, id);
  EXPECT_EQ(keys.secret_access_key.reveal(), "secret-of-" + id);
  EXPECT_EQ(keys.session_token.reveal(), "token-of-" + id);
  EXPECT_EQ(keys.expires, kExpires);
}

ScriptedReply ok(std::string body) { return {.body = std::move(body)}; }

/// An instance with a role, version 2 as EC2's user guide describes it.
ScriptedReply play_instance(const ScriptedRequest& r) {
  if (r.path == "/latest/api/token")
    return r.method == "PUT" && r.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600"
               ? ok("imds-token")
               : ScriptedReply{.status = 400};
  if (r.header("x-aws-ec2-metadata-token") != "imds-token") return {.status = 401};
  if (r.path == "/latest/meta-data/iam/security-credentials/") return ok("my-role\n");
  if (r.path == "/latest/meta-data/iam/security-credentials/my-role") return ok(keys_json("IMDS"));
  if (r.path == "/latest/meta-data/placement/region") return ok("ap-southeast-2");
  if (r.path == "/latest/meta-data/instance-type") return ok("m5d.12xlarge");
  return {.status = 404};
}

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

class ChainTest : public AwsFilesTest {
 protected:
  /// Everybody at once.
  static ScriptedReply play(const ScriptedRequest& r) {
    if (r.path.starts_with("/latest/")) return play_instance(r);
    if (r.path == "/container") return ok(keys_json("CONTAINER"));
    if (r.path == "/federation/credentials?role_name=r&account_id=123456789012")
      return r.header("x-amz-sso_bearer_token") == "sso-token" ? ok(sso_json("SSO"))
                                                               : ScriptedReply{.status = 401};
    if (r.path == "/" && r.method == "POST") {
      if (r.body.find("Action=AssumeRoleWithWebIdentity") == 0)
        return r.body.find("&WebIdentityToken=web-token") != std::string::npos
                   ? ok(sts_xml("AssumeRoleWithWebIdentity", "WEB"))
                   : ScriptedReply{.status = 400};
      const std::string header = r.header("authorization");
      const std::size_t at = header.find("Credential=") + 11;
      return ok(sts_xml("AssumeRole", "ROLE-BY-" + header.substr(at, header.find('/', at) - at)));
    }
    return {.status = 404};
  }
  void SetUp() override {
    AwsFilesTest::SetUp();
    variables_.erase("AWS_EC2_METADATA_DISABLED");
    variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server_.url();
    variables_["AWS_ENDPOINT_URL"] = server_.url();
    write("token", "web-token\n");
    write_sso_token(R"("accessToken": "sso-token", "expiresAt": "2033-05-18T03:33:20Z")");
  }
  /// As `aws sso login` leaves it; the name is the SHA-1 of "https://start", by sha1sum.
  void write_sso_token(const std::string& fields,
                       const std::string& name = "6ad0e7e61d1f47e491ea32c2031add41ef92e07d") {
    write("sso/cache/" + name + ".json", "{" + fields + "}");
  }
  Credentials keys(std::optional<std::string> profile = std::nullopt) {
    const AwsSettings settings = load(std::move(profile));
    return settings.credentials ? settings.credentials->get() : Credentials{};
  }

  const ScriptedServer server_{play};
};

/// The order is botocore's; each source taken away shows the next.
TEST_F(ChainTest, SourcesComeInBotocoresOrder) {
  std::map<std::string, std::string> config = {
      {"role_arn", "arn:aws:iam::123456789012:role/r"},
      {"source_profile", "base"},
      {"sso_start_url", "https://start"},
      {"sso_region", "eu-west-1"},
      {"sso_account_id", "123456789012"},
      {"sso_role_name", "r"},
      {"credential_process",
       R"(echo '{"Version":1,"AccessKeyId":"PROCESS","SecretAccessKey":"s"}')"},
      {"aws_access_key_id", "CONFIG"},
      {"aws_secret_access_key", "c"}};
  variables_.merge(std::map<std::string, std::string>{
      {"AWS_ACCESS_KEY_ID", "ENV"},
      {"AWS_SECRET_ACCESS_KEY", "e"},
      {"AWS_WEB_IDENTITY_TOKEN_FILE", "~/.aws/token"},
      {"AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/w"},
      {"AWS_CONTAINER_CREDENTIALS_FULL_URI", server_.url() + "/container"}});
  const std::string base = "[base]\naws_access_key_id=BASE\naws_secret_access_key=b\n";
  write("credentials", base + "[default]\naws_access_key_id=SHARED\naws_secret_access_key=s\n");
  const auto expect = [&](const std::string& id) {
    std::string text = "[default]\n";
    for (const auto& [key, value] : config) text += key + " = " + value + "\n";
    write("config", text);
    EXPECT_EQ(keys().access_key_id, id);
  };
  expect("ENV");
  EXPECT_EQ(keys("default").access_key_id, "ROLE-BY-BASE");  // A profile by name comes before.
  variables_.erase("AWS_ACCESS_KEY_ID");
  variables_.erase("AWS_SECRET_ACCESS_KEY");
  expect("ROLE-BY-BASE");
  config.erase("role_arn");
  expect("WEB");
  EXPECT_EQ(keys("default").access_key_id, "SSO");  // Web identity of the environment does not.
  variables_.erase("AWS_WEB_IDENTITY_TOKEN_FILE");
  expect("SSO");
  config.erase("sso_account_id");
  config.erase("sso_role_name");
  expect("SHARED");
  write("credentials", base);
  expect("PROCESS");
  config.erase("credential_process");
  expect("CONFIG");
  config.erase("aws_access_key_id");
  config.erase("aws_secret_access_key");
  expect("CONTAINER");
  variables_.erase("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  expect("IMDS");
  EXPECT_EQ(load().region, std::nullopt);  // With an endpoint of its own nobody asks for a region.
  variables_["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_EQ(load().credentials, nullptr);
}

TEST_F(ChainTest, TheInstanceTellsTheRegionIfNobodyElseDoes) {
  variables_.erase("AWS_ENDPOINT_URL");
  EXPECT_EQ(load().region, "ap-southeast-2");
  variables_["AWS_REGION"] = "eu-west-1";
  EXPECT_EQ(load().region, "eu-west-1");
}

TEST_F(ChainTest, RolesFollowEachOther) {
  write("config",
        "[profile a]\nrole_arn=arn:aws:iam::1:role/a\nsource_profile=b\n"
        "[profile b]\nrole_arn=arn:aws:iam::1:role/b\nsource_profile=c\n"
        "[profile c]\naws_access_key_id=C\naws_secret_access_key=c\n"
        "role_arn=arn:aws:iam::1:role/c\nsource_profile=c\n"
        "[profile p]\nrole_arn=arn:aws:iam::1:role/p\nsource_profile=q\n"
        "[profile q]\ncredential_process=echo "
        R"('{"Version":1,"AccessKeyId":"Q","SecretAccessKey":"s"}')"
        "\n");
  EXPECT_EQ(keys("a").access_key_id, "ROLE-BY-ROLE-BY-C");
  EXPECT_EQ(keys("c").access_key_id, "ROLE-BY-C");  // its own source
  EXPECT_EQ(keys("p").access_key_id, "ROLE-BY-Q");
}

TEST_F(ChainTest, RolesTakeTheirKeysFromWhereTheProfileSays) {
  variables_["AWS_ACCESS_KEY_ID"] = "ENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "e";
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server_.url() + "/container";
  for (const auto& [source, id] :
       std::map<std::string, std::string>{{"Environment", "ENV"},
                                          {"EcsContainer", "CONTAINER"},
                                          {"Ec2InstanceMetadata", "IMDS"}}) {
    write("config",
          "[profile r]\nrole_arn=arn:aws:iam::1:role/r\ncredential_source=" + source + "\n");
    EXPECT_EQ(keys("r").access_key_id, "ROLE-BY-" + id);
  }
}

TEST_F(ChainTest, ProfilesThatCannotWorkAreRefused) {
  const std::string role = "[profile x]\nrole_arn=arn:aws:iam::1:role/x\n";
  for (const auto& [config, code] : std::vector<std::pair<std::string, ErrorCode>>{
           {role, ErrorCode::InvalidArgument},
           {role + "source_profile=nobody\n", ErrorCode::NotFound},
           {role + "source_profile=x\n", ErrorCode::InvalidArgument},
           {role + "source_profile=y\n[profile y]\nrole_arn=a\nsource_profile=x\n",
            ErrorCode::InvalidArgument},
           {role + "source_profile=y\n[profile y]\nregion=eu-west-1\n", ErrorCode::NotFound},
           {role + "source_profile=y\ncredential_source=Environment\n", ErrorCode::InvalidArgument},
           {role + "credential_source=Heaven\n", ErrorCode::InvalidArgument},
           {role + "credential_source=Environment\n", ErrorCode::NotFound},
           {role + "credential_source=Ec2InstanceMetadata\nmfa_serial=m\n", ErrorCode::Unsupported},
           {role + "credential_source=Ec2InstanceMetadata\nduration_seconds=60\n",
            ErrorCode::InvalidArgument},
           {"[profile x]\nweb_identity_token_file=/f\n", ErrorCode::InvalidArgument},
           {"[profile x]\nsso_account_id=1\n", ErrorCode::InvalidArgument},
           {"[profile x]\nsso_account_id=1\nsso_role_name=r\nsso_session=s\n",
            ErrorCode::InvalidArgument},
           {"[profile x]\ncredential_process=a 'b\n", ErrorCode::InvalidArgument},
           {"[profile x]\nlogin_session=arn\n", ErrorCode::Unsupported}}) {
    write("config", config);
    EXPECT_EQ(error_of([&] { keys("x"); }).code(), code) << config;
  }
}

TEST_F(ChainTest, AnSsoTokenThatHasEndedIsRefreshedAndPutBack) {
  std::atomic<int> num_refreshes = 0;
  const ScriptedServer server([&](const ScriptedRequest& r) -> ScriptedReply {
    if (r.path == "/token") {
      const Json form = parse_json(r.body);
      if (r.method != "POST" || form.at("grantType").as_string() != "refresh_token" ||
          form.at("clientId").as_string() != "id" || form.at("clientSecret").as_string() != "cs" ||
          form.at("refreshToken").as_string() != "rt1")
        return {.status = 400};
      ++num_refreshes;
      return ok(R"({"accessToken": "sso-token", "expiresIn": 28800, "refreshToken": "rt2"})");
    }
    return play(r);
  });
  variables_["AWS_ENDPOINT_URL"] = server.url();
  write("config",
        "[profile s]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session corp]\nsso_start_url = https://start\nsso_region = eu-west-1\n");
  // The SHA-1 of "corp".
  const std::string name = "ee0bfd2552fbd840c02cc48b6e823320543c450f";
  write_sso_token(R"("accessToken": "old", "expiresAt": "2020-01-01T00:00:00Z", "clientId": "id",
                     "clientSecret": "cs", "refreshToken": "rt1", "region": "eu-west-1",
                     "registrationExpiresAt": "2033-01-01T00:00:00Z")",
                  name);
  EXPECT_EQ(keys("s").access_key_id, "SSO");
  const std::filesystem::path path = home_ / ".aws/sso/cache" / (name + ".json");
  const Json token = parse_json(read_file(path));
  EXPECT_EQ(token.at("accessToken").as_string(), "sso-token");
  EXPECT_EQ(token.at("refreshToken").as_string(), "rt2");
  EXPECT_EQ(token.at("region").as_string(), "eu-west-1");
  EXPECT_NEAR(static_cast<double>(*parse_iso_date(token.at("expiresAt").as_string())),
              system_clock().unix_time() + 28800, 60);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(keys("s").access_key_id, "SSO");
  EXPECT_EQ(num_refreshes, 1);
}

TEST_F(ChainTest, TroubleOfTheOneWhoRefreshesIsNoReasonToSignIn) {
  std::atomic<int> status = 503;
  const ScriptedServer server([&](const ScriptedRequest& r) -> ScriptedReply {
    return r.path == "/token" ? ScriptedReply{.status = status} : play(r);
  });
  variables_["AWS_ENDPOINT_URL"] = server.url();
  write("config",
        "[profile s]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session corp]\nsso_start_url = https://start\nsso_region = eu-west-1\n");
  const auto sign_in_until = [&](std::int64_t unix_time) {
    write_sso_token(R"("accessToken": "sso-token", "clientId": "id", "clientSecret": "cs",
                       "refreshToken": "rt", "expiresAt": ")" +
                        to_iso_date(unix_time) + "\"",
                    "ee0bfd2552fbd840c02cc48b6e823320543c450f");
  };
  sign_in_until(1'600'000'000);
  EXPECT_EQ(error_of([&] { keys("s"); }).code(), ErrorCode::Network);
  status = 400;
  EXPECT_THAT(error_of([&] { keys("s"); }).try_this(), HasSubstr("aws sso login"));
  status = 503;
  // About to end, but good.
  sign_in_until(static_cast<std::int64_t>(system_clock().unix_time()) + 300);
  EXPECT_EQ(keys("s").access_key_id, "SSO");
}

TEST_F(ChainTest, AnSsoTokenThatIsNotThereSaysHowToSignIn) {
  write("config",
        "[profile s]\nsso_start_url = https://other\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = r\n");
  const Error error = error_of([&] { keys("s"); });
  EXPECT_EQ(error.code(), ErrorCode::NotFound);
  EXPECT_THAT(error.try_this(), HasSubstr("aws sso login"));
}

/// Every provider fails in many ways, before a server that sends back whatever it was sent, and no
/// message may hold a secret.
TEST_F(ChainTest, NoSecretIsEverInAMessage) {
  const std::vector<std::string> secrets = {"Sec-env",   "Sec-session", "Sec-shared", "Sec-web",
                                            "Sec-sso",   "Sec-refresh", "Sec-oidc",   "Sec-process",
                                            "Sec-proxy", "Sec-agent",   "Sec-ident",  "Sec-server"};
  std::atomic<int> mode = 0;
  const ScriptedServer server([&](const ScriptedRequest& r) -> ScriptedReply {
    std::string echo = r.method + " " + r.path + " " + r.body;
    for (const auto& [name, value] : r.headers) echo += " " + name + ": " + value;
    switch (mode) {
      case 0:
        return {.status = 403,
                .body = "<ErrorResponse><Error><Code>X</Code><Message>" + echo +
                        "</Message></Error></ErrorResponse>"};
      case 1:
        return {.status = 400, .body = "{\"message\": \"" + echo + "\"}"};
      case 2:
        return ok(echo + " Sec-server");
      case 3:
        return ok(R"({"SecretAccessKey": "Sec-server", "Token": "Sec-server"})");
      case 4:
        return {.headers = {{"X", echo}},
                .body = "{",
                .missing_bytes = 5,
                .then = ScriptedReply::Then::Close};
      default:
        return {.status = 301,
                .headers = {{"Location", "http://Sec-server/"}},
                .body = echo + " Sec-server"};
    }
  });
  write("identity", "Sec-ident");
  write("agent", "Bearer Sec-agent");
  write("credentials",
        "[base]\naws_access_key_id=ID\naws_secret_access_key=Sec-shared\n"
        "aws_session_token=Sec-session\n");
  write_sso_token(R"("accessToken": "Sec-sso", "expiresAt": "2033-05-18T03:33:20Z")");
  write_sso_token(R"("accessToken": "Sec-sso", "expiresAt": "2020-05-18T03:33:20Z",
                     "clientId": "id", "clientSecret": "Sec-oidc", "refreshToken": "Sec-refresh")",
                  "ee0bfd2552fbd840c02cc48b6e823320543c450f");
  const std::string account = "sso_account_id=1\nsso_role_name=r\n";
  write("config",
        "[profile role]\nrole_arn=arn\nsource_profile=base\n"
        "[profile web]\nrole_arn=arn\nweb_identity_token_file=~/.aws/identity\n"
        "[profile sso]\nsso_start_url=https://start\nsso_region=eu-west-1\n" +
            account + "[profile session]\nsso_session=corp\n" + account +
            "[sso-session corp]\nsso_start_url=https://start\nsso_region=eu-west-1\n"
            "[profile process]\ncredential_process=sh -c 'echo Sec-process; exit 3'\n"
            "[profile json]\ncredential_process=echo '{\"Version\":1,\"SecretAccessKey\":"
            "\"Sec-process\"}'\n"
            "[profile container]\nregion=x\n");
  variables_["AWS_ENDPOINT_URL"] = server.url();
  variables_["AWS_EC2_METADATA_DISABLED"] = "true";
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = server.url() + "/?x=Sec-agent";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = (home_ / ".aws/agent").string();

  std::mutex mutex;
  std::string said;
  int num_failures = 0;
  const auto fail = [&](const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      const std::lock_guard lock(mutex);
      said += std::string(error.what()) + "; " + error.try_this() + "\n";
      ++num_failures;
    }
  };
  const LogSink log = [&](LogLevel, std::string_view text) {
    const std::lock_guard lock(mutex);
    said += std::string(text) + "\n";
  };
  const auto ask = [&](const std::string& profile) {
    fail([&] {
      const AwsSettings settings =
          load_aws_settings({.environment = environment(), .profile = profile, .log = log});
      said += settings.credentials_source + "\n";
      settings.credentials->get();
    });
  };
  for (mode = 0; mode < 6; ++mode) {
    for (const char* profile : {"role", "web", "sso", "session", "process", "json", "container"})
      ask(profile);
    fail([&] {
      InstanceMetadata instance({.endpoint = server.url(), .num_attempts = 1});
      if (!instance.credentials()) throw Error(ErrorCode::NotFound, "nobody");
    });
  }
  EXPECT_EQ(num_failures, 6 * 8);
  // A proxy that does not exist, with a password.
  mode = 0;
  const std::vector<std::string> proxies = {
      "http://user:Sec-proxy@127.0.0.1:9/", "http://user:Sec-proxy@[::1",
      "http://user:Sec-proxy" + std::string(300, 'x') + "@h:99999"};
  for (const std::string& proxy : proxies) {
    variables_["http_proxy"] = proxy;
    for (const char* profile : {"role", "web", "sso", "session"}) ask(profile);
    fail([&] {
      Client({.endpoint = {.endpoint_url = server.url()}, .transport = {.proxy = proxy}, .seed = 1})
          .download({.object = {"b", "k"}, .config = {.num_download_attempts = 1}});
    });
  }
  // Passwords where none may be.
  for (const char* url : {"http://user:Sec-agent@h", "https://user:Sec-agent@h/x",
                          "https://user:/Sec-agent@h", "http://127.0.0.1:/Sec-agent@h"}) {
    variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    ask("container");
    fail([&] { parse_endpoint_url(std::string(url) + ":x"); });
  }
  // Half a pair, and files that are none.
  variables_["AWS_SECRET_ACCESS_KEY"] = "Sec-env";
  fail([&] { load(); });
  write("config", "[default]\nSec-shared\n");
  fail([&] { load(); });
  EXPECT_EQ(num_failures, 6 * 8 + 3 * 5 + 4 * 2 + 2);
  for (const std::string& secret : secrets) EXPECT_THAT(said, Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace skipjack::s3
