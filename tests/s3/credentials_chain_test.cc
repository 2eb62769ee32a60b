// The chain of those who hand out keys, all played by one server: who comes before whom, what
// profiles lead to, and that no secret gets into a message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>

#include "../thrown.h"
#include "aws_files.h"
#include "identity_play.h"
#include "scripted_server.h"
#include "skipjack/base/clock.h"
#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/dates.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/instance_metadata.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

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
