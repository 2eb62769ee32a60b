#include "skipjack/s3tune/client.h"

#include "skipjack/base/error.h"
#include "skipjack/s3tune/child_process.h"
#include "skipjack/s3tune/client_entry.h"

namespace skipjack::s3tune {
namespace {

constexpr Duration kVersionTimeout = std::chrono::seconds(60);

/// Where the shell would find it; empty if nowhere.
std::string in_path(std::string_view name) {
  const ChildResult found =
      run_child({.words = {"sh", "-c", "command -v -- \"$0\"", std::string(name)},
                 .time_limit = kVersionTimeout});
  return found.exit_code == 0 ? last_line(found.output) : std::string();
}

}  // namespace

std::span<const Client> clients() {
  static const std::vector<Client> all = {engine_client(),  boto3_client(), boto3_crt_client(),
                                          aws_cli_client(), s5cmd_client(), rclone_client()};
  return all;
}

const Client& find_client(std::string_view name) {
  for (const Client& client : clients())
    if (client.name == name) return client;
  throw Error(ErrorCode::InvalidArgument,
              "client = '" + std::string(name) + "' must be " + client_names());
}

std::string client_names() {
  std::string names;
  for (std::size_t i = 0; i < clients().size(); ++i)
    names += (i == 0                      ? ""
              : i + 1 == clients().size() ? " or "
                                          : ", ") +
             std::string(clients()[i].name);
  return names;
}

ClientProgram find_program(const Client& client, const std::string& path) {
  const auto missing = [&](const std::string& what) {
    throw Error(ErrorCode::NotFound, what, std::string(client.install) + ", or give its --program");
  };
  const std::string file =
      path.empty() ? in_path(client.program) : std::filesystem::absolute(path).string();
  if (file.empty()) missing(std::string(client.program) + " is not in PATH");
  const ChildResult answer =
      run_child({.words = {file, std::string(client.version_word)}, .time_limit = kVersionTimeout});
  const std::size_t begin = answer.output.find(client.version_after);
  if (answer.exit_code != 0 || begin == std::string::npos)
    missing("'" + file + "' is no " + std::string(client.program) + ": " +
            last_line(answer.output));
  const std::size_t version = begin + client.version_after.size();
  return {.path = std::filesystem::absolute(file).string(),
          .version = answer.output.substr(version,
                                          answer.output.find_first_of(" \r\n", version) - version)};
}

std::optional<std::string> value_text(const Configuration& configuration, std::string_view name) {
  const Json* value = configuration.find(name);
  if (!value || value->is_null()) return std::nullopt;
  return value->is_string() ? value->as_string() : to_json_text(*value);
}

}  // namespace skipjack::s3tune
