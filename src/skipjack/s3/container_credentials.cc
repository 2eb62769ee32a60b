#include "skipjack/s3/container_credentials.h"

#include <arpa/inet.h>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

constexpr const char* kWho = "the container's credentials agent";
constexpr const char* kAgent = "http://169.254.170.2";

/// Of "http://host:port/path", lower case and without brackets; empty if there is a user in it.
std::string host_of(const std::string& url) {
  std::string authority = lower_case(origin_of(url));
  authority.erase(0, authority.find("://") + 3);
  if (authority.find('@') != std::string::npos) return {};
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  ::in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  ::in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

void check_full_uri(const std::string& url) {
  const std::string scheme = lower_case(url.substr(0, url.find("://")));
  const std::string host = host_of(url);
  if (host.empty())
    throw Error(ErrorCode::InvalidArgument,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI names no host, or a user or password",
                "write it like https://host/path");
  if (scheme == "https") return;
  if (scheme == "http" && (is_loopback(host) || host == "169.254.170.2" ||
                           host == "169.254.170.23" || host == "fd00:ec2::23"))
    return;
  // What it would be sent is a secret.
  throw Error(ErrorCode::InvalidArgument,
              "AWS_CONTAINER_CREDENTIALS_FULL_URI leads in plain HTTP to " +
                  redacted(without_userinfo(origin_of(url)), {}) +
                  ", which is neither this machine nor a container's agent",
              "use https");
}

}  // namespace

std::optional<ContainerOptions> container_options(const EnvironmentLookup& environment) {
  ContainerOptions options;
  if (const auto path = non_empty(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
    options.url = kAgent + (path->starts_with('/') ? *path : "/" + *path);
  } else if (const auto url = non_empty(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
    check_full_uri(*url);
    options.url = *url;
  } else {
    return std::nullopt;
  }
  if (const auto file = non_empty(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"))
    options.authorization_token_file = *file;
  else if (const auto token = non_empty(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN"))
    options.authorization_token = Secret(*token);
  return options;
}

Credentials fetch_container_credentials(const ContainerOptions& options, IdentityCallOptions call) {
  call.transport.proxy.clear();
  call.time_limit = std::chrono::seconds(2);
  std::string token = options.authorization_token.reveal();
  if (!options.authorization_token_file.empty())
    token = read_file(options.authorization_token_file);
  token = trim(token);
  if (token.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
    throw Error(ErrorCode::InvalidArgument, "the container's authorization token is not one line",
                "check AWS_CONTAINER_AUTHORIZATION_TOKEN and its file");
  IdentityCall request{.url = options.url};
  if (!token.empty()) request.headers.emplace_back("Authorization", token);
  const SmallOutcome outcome = call_identity(request, call);
  if (outcome.status != TransportStatus::Complete || outcome.answer.head.status != 200)
    throw identity_error(kWho, options.url, outcome);
  return credentials_of_json(outcome.answer.body, kWho, "Token");
}

}  // namespace skipjack::s3
