// The flags with which every command that talks to S3 says where it is and who asks.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/cli/context.h"
#include "skipjack/s3/client.h"

namespace skipjack::cli {

/// Keys given as arguments. main() has taken them out of sight of `ps` by then.
struct S3KeyFlags {
  std::optional<std::string> access_key, secret_key, session_token;
};
/// flags must outlive the parsing.
void add_s3_key_flags(CLI::App& command, S3KeyFlags& flags);
/// nullopt if none is given. Throws InvalidArgument for one of the pair without the other, for an
/// empty one, and for a token without the pair.
std::optional<s3::Credentials> given_credentials(const S3KeyFlags& flags);

/// Puts keys where the processes that this one starts look for them first: into its environment.
/// A token of other keys that lies there is taken away. Before any other thread runs.
void export_credentials(const s3::Credentials& credentials);

/// Names and meaning as in the AWS CLI.
struct S3AccessFlags {
  std::string endpoint_url;
  std::string region;
  std::string profile;
  S3KeyFlags keys{};
  std::string addressing_style = "auto";
  bool no_sign_request = false;
  std::vector<std::string> endpoint_ips{};
};

/// flags must outlive the parsing.
void add_s3_access_flags(CLI::App& command, S3AccessFlags& flags);

/// The same, for a command that makes all its connections itself.
void add_endpoint_ips_flag(CLI::App& command, S3AccessFlags& flags);

/// Flags before environment before profile before the instance's metadata; the proxy is the
/// environment's. With no keys anywhere requests go out unsigned. Throws what load_aws_settings and
/// given_credentials throw, and InvalidArgument for keys together with a profile or with
/// --no-sign-request. context must outlive what is returned: warnings go to its standard error.
struct S3Access {
  s3::ClientOptions client;
};
S3Access s3_access(const S3AccessFlags& flags, Context& context);

/// Raises this process's limit of open files to what the system lets it: many connections need
/// more than the usual 1024.
void allow_many_connections();

/// A size such as "8MiB" or "1000000" given to a flag. Throws InvalidArgument naming the flag.
std::int64_t byte_size_flag(const std::string& flag, const std::string& text);
/// A duration such as "60s" given to a flag, > 0. Throws InvalidArgument naming the flag.
Duration duration_flag(const std::string& flag, const std::string& text);

}  // namespace skipjack::cli
