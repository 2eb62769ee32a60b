// What arguments, environment and profile files say, and which of them is heard.
#include "skipjack/s3/aws_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aws_files.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/profile_file.h"

namespace skipjack::s3 {
namespace {

using testing::HasSubstr;
using testing::Not;

ErrorCode code_of(const std::function<void()>& action, std::string* message = nullptr) {
  try {
    action();
  } catch (const Error& error) {
    if (message) *message = std::string(error.what()) + "; " + error.try_this();
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::Io;
}

using AwsSettingsTest = AwsFilesTest;

TEST_F(AwsSettingsTest, NothingAnywhereIsNobody) {
  const AwsSettings settings = load();
  EXPECT_EQ(settings.credentials, nullptr);
  EXPECT_EQ(settings.credentials_source, "none");
  EXPECT_FALSE(settings.region);
  EXPECT_FALSE(settings.endpoint_url);
  EXPECT_EQ(settings.proxy, "");
}

TEST_F(AwsSettingsTest, VariablesComeBeforeTheProfile) {
  write("credentials", "[default]\naws_access_key_id = FILE\naws_secret_access_key = filesecret\n");
  variables_["AWS_ACCESS_KEY_ID"] = "ENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "envsecret";
  variables_["AWS_SESSION_TOKEN"] = "token";
  variables_["AWS_DEFAULT_REGION"] = "eu-west-1";
  const AwsSettings settings = load();
  EXPECT_EQ(settings.credentials->get().access_key_id, "ENV");
  EXPECT_EQ(settings.credentials->get().session_token.reveal(), "token");
  EXPECT_EQ(settings.region, "eu-west-1");
  EXPECT_EQ(settings.credentials_source, "environment");
}

TEST_F(AwsSettingsTest, ReadsCredentialsAndRegionOfANamedProfile) {
  write("credentials",
        "# mine\n[default]\naws_access_key_id=A\naws_secret_access_key=a\n\n[work]\n"
        "aws_access_key_id = B\naws_secret_access_key = b=c\n");
  write("config",
        "[default]\nregion = us-west-2\n[profile work]\nregion=eu-north-1\ns3 =\n  "
        "max_concurrent_requests = 20\n"
        "endpoint_url = http://127.0.0.1:1\n");
  variables_["AWS_PROFILE"] = "work";
  const AwsSettings settings = load();
  EXPECT_EQ(settings.credentials->get().access_key_id, "B");
  EXPECT_EQ(settings.credentials->get().secret_access_key.reveal(), "b=c");
  EXPECT_EQ(settings.region, "eu-north-1");
  EXPECT_EQ(settings.endpoint_url, "http://127.0.0.1:1");
  EXPECT_EQ(load("default").region, "us-west-2");
}

TEST_F(AwsSettingsTest, AProfileByNameComesBeforeVariables) {
  write("credentials", "[work]\naws_access_key_id=B\naws_secret_access_key=b\n");
  variables_["AWS_ACCESS_KEY_ID"] = "ENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "envsecret";
  EXPECT_EQ(load("work").credentials->get().access_key_id, "B");
}

TEST_F(AwsSettingsTest, AMissingNamedProfileIsNotFound) {
  EXPECT_EQ(code_of([&] { load("nobody"); }), ErrorCode::NotFound);
}

TEST_F(AwsSettingsTest, HalfAPairOfKeysIsRefused) {
  variables_["AWS_ACCESS_KEY_ID"] = "ENV";
  EXPECT_EQ(code_of([&] { load(); }), ErrorCode::InvalidArgument);
}

TEST_F(AwsSettingsTest, MessagesNeverQuoteTheFile) {
  write("credentials", "[default]\nhunter2hunter2\n");
  std::string message;
  code_of([&] { load(); }, &message);
  EXPECT_THAT(message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(message, HasSubstr(":2:"));
}

TEST_F(AwsSettingsTest, FilesMayBeElsewhere) {
  write("elsewhere/c", "[default]\naws_access_key_id=X\naws_secret_access_key=x\n");
  write("elsewhere/d", "[profile default]\nregion=ap-south-1\n[default]\nregion=us-west-1\n");
  variables_["AWS_SHARED_CREDENTIALS_FILE"] = "~/.aws/elsewhere/c";
  variables_["AWS_CONFIG_FILE"] = (home_ / ".aws/elsewhere/d").string();
  const AwsSettings settings = load();
  EXPECT_EQ(settings.credentials->get().access_key_id, "X");
  EXPECT_EQ(settings.region, "ap-south-1");
}

TEST_F(AwsSettingsTest, ArgumentsComeBeforeEverything) {
  variables_["AWS_REGION"] = "eu-west-1";
  variables_["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:1";
  variables_["AWS_ACCESS_KEY_ID"] = "half a pair that nobody asks for";
  const AwsSettings settings = load_aws_settings({.environment = environment(),
                                                  .region = "eu-west-3",
                                                  .endpoint_url = "http://127.0.0.1:2",
                                                  .find_credentials = false});
  EXPECT_EQ(settings.region, "eu-west-3");
  EXPECT_EQ(settings.endpoint_url, "http://127.0.0.1:2");
  EXPECT_EQ(settings.credentials, nullptr);
}

/// Endpoints in the order of "Service-specific endpoints" in the AWS SDKs' reference guide.
TEST_F(AwsSettingsTest, EndpointUrlsInAwssOrder) {
  write("config",
        "[default]\nservices = mine\nendpoint_url = http://127.0.0.1:4\n"
        "[services mine]\nsts =\n  endpoint_url = http://127.0.0.1:9\n"
        "s3 =\n  endpoint_url = http://127.0.0.1:3\n");
  variables_["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:1";
  variables_["AWS_ENDPOINT_URL"] = "http://127.0.0.1:2";
  EXPECT_EQ(load().endpoint_url, "http://127.0.0.1:1");
  variables_.erase("AWS_ENDPOINT_URL_S3");
  EXPECT_EQ(load().endpoint_url, "http://127.0.0.1:2");
  variables_.erase("AWS_ENDPOINT_URL");
  EXPECT_EQ(load().endpoint_url, "http://127.0.0.1:3");
  write("config", "[default]\nendpoint_url = http://127.0.0.1:4\n");
  EXPECT_EQ(load().endpoint_url, "http://127.0.0.1:4");
  variables_["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_FALSE(load().endpoint_url);
}

TEST_F(AwsSettingsTest, ReadsTheNestedSettingsOfS3) {
  write("config",
        "[default]\ns3 =\n  addressing_style = virtual\n  use_accelerate_endpoint = true\n"
        "  use_dualstack_endpoint = TRUE\nuse_fips_endpoint = true\nca_bundle = /etc/ca.pem\n");
  const AwsSettings settings = load();
  EXPECT_EQ(settings.addressing_style, AddressingStyle::Virtual);
  EXPECT_TRUE(settings.use_accelerate_endpoint);
  EXPECT_TRUE(settings.use_dualstack_endpoint);
  EXPECT_TRUE(settings.use_fips_endpoint);
  EXPECT_EQ(settings.ca_bundle, "/etc/ca.pem");
  variables_["AWS_USE_FIPS_ENDPOINT"] = "false";
  variables_["AWS_CA_BUNDLE"] = "/else.pem";
  EXPECT_FALSE(load().use_fips_endpoint);
  EXPECT_EQ(load().ca_bundle, "/else.pem");
  write("config", "[default]\ns3 =\n  addressing_style = sideways\n");
  EXPECT_EQ(code_of([&] { load(); }), ErrorCode::InvalidArgument);
}

TEST(ProfileFile, ReadsNestedSettingsCommentsAndQuotedNames) {
  const ProfileFile file = parse_profile_file(
      "; c\n[profile  \"two words\"]\nA = 1\ns3 =\n\tx = y\n  # no\n  z=\nb = 2\n", "f");
  const ProfileSection& section = file.at("profile two words");
  EXPECT_EQ(section,
            (ProfileSection{{"a", "1"}, {"s3", ""}, {"s3.x", "y"}, {"s3.z", ""}, {"b", "2"}}));
}

TEST(ProfileFile, ReadsColonsAndValuesOfSeveralLines) {
  const ProfileFile file =
      parse_profile_file("[x]\na: 1=2\n  b = 3\n\tmore\n  c: 4\n  d=5:6\n[y]\n  e = f\n", "f");
  EXPECT_EQ(file.at("x"), (ProfileSection{{"a", "1=2\nb = 3\nmore\nc: 4\nd=5:6"}}));
  EXPECT_EQ(file.at("y"), (ProfileSection{{"e", "f"}}));
}

TEST(ProfileFile, RefusesWhatIsNone) {
  for (const char* text :
       {"[x]\n s =\n  nothing\n", "a = 1\n", "[x\n", "[x]\nnothing\n", "[x]\n= 1\n"})
    EXPECT_EQ(code_of([&] { parse_profile_file(text, "f"); }), ErrorCode::InvalidArgument) << text;
}

struct ProxyCase {
  std::map<std::string, std::string> variables;
  std::string url, proxy;
};

TEST(Proxy, IsReadAsOtherProgramsReadIt) {
  const std::string s3 = "https://s3.eu-west-1.amazonaws.com";
  const std::vector<ProxyCase> cases = {
      {{}, s3, ""},
      {{{"https_proxy", "http://p:3128"}}, s3, "http://p:3128"},
      {{{"HTTPS_PROXY", "p:3128"}}, s3, "http://p:3128"},
      {{{"https_proxy", "http://low"}, {"HTTPS_PROXY", "http://UP"}}, s3, "http://low"},
      {{{"https_proxy", ""}, {"HTTPS_PROXY", "http://UP"}}, s3, ""},
      {{{"http_proxy", "http://p"}}, s3, ""},
      {{{"ALL_PROXY", "socks5://p"}}, s3, "socks5://p"},
      {{{"http_proxy", "http://p"}}, "http://h:9000", "http://p"},
      {{{"HTTP_PROXY", "http://p"}}, "http://h:9000", "http://p"},
      {{{"HTTP_PROXY", "http://p"}, {"REQUEST_METHOD", "GET"}}, "http://h:9000", ""},
      {{{"https_proxy", "http://p"}, {"no_proxy", "*"}}, s3, ""},
      {{{"https_proxy", "http://p"}, {"no_proxy", "x, .amazonaws.com"}}, s3, ""},
      {{{"https_proxy", "http://p"}, {"NO_PROXY", "amazonaws.com"}}, s3, ""},
      {{{"https_proxy", "http://p"}, {"NO_PROXY", "*.AMAZONAWS.com"}}, s3, ""},
      {{{"https_proxy", "http://p"}, {"no_proxy", "zonaws.com"}}, s3, "http://p"},
      {{{"https_proxy", "http://p"}, {"no_proxy", "amazonaws.com:444"}}, s3, "http://p"},
      {{{"https_proxy", "http://p"}, {"no_proxy", "amazonaws.com:443"}}, s3, ""},
      {{{"http_proxy", "http://p"}, {"no_proxy", "127.0.0.1"}}, "http://127.0.0.1:9000/x", ""},
      {{{"http_proxy", "http://p"}, {"no_proxy", "127.0.0.0/8"}}, "http://127.1.2.3:9000", ""},
      {{{"http_proxy", "http://p"}, {"no_proxy", "10.0.0.0/9"}}, "http://10.128.0.1", "http://p"},
      {{{"http_proxy", "http://p"}, {"no_proxy", "fd00::/8"}}, "http://[fd12::1]:80/", ""},
      {{{"http_proxy", "http://p"}, {"no_proxy", "[::1]:9000"}}, "http://[::1]:9000", ""},
      {{{"http_proxy", "http://p"}, {"no_proxy", "0.1"}}, "http://127.0.0.1", "http://p"},
  };
  for (const ProxyCase& c : cases) {
    const auto lookup = [&](const std::string& name) -> std::optional<std::string> {
      const auto found = c.variables.find(name);
      return found == c.variables.end() ? std::nullopt : std::optional(found->second);
    };
    EXPECT_EQ(proxy_for(c.url, lookup), c.proxy)
        << c.url << " " << testing::PrintToString(c.variables);
  }
}

}  // namespace
}  // namespace skipjack::s3
