// Every client's trial over real sockets and processes: whatever fetches an object or a folder, the
// same bytes arrive. Clients lie beside the interpreter that SKIPJACK_TEST_PYTHON names; those that
// don't are skipped. What a broken client does is shown by scripts that take rclone's place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <sstream>

#include "command.h"
#include "skipjack/base/bytes.h"
#include "skipjack/s3sim/server.h"
#include "skipjack/s3tune/boto3_client.h"
#include "skipjack/s3tune/client.h"
#include "skipjack/s3tune/s3_scheduler.h"

namespace skipjack::s3tune {
namespace {

using ::testing::HasSubstr;

constexpr const char* kObject = "s3://bench/obj";
constexpr const char* kFolder = "s3://bench/models/llama/";
const std::map<std::string, std::string> kKeys = {{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                                                  {"AWS_SECRET_ACCESS_KEY", "of-this-test"}};

s3sim::ServerOptions server_options() {
  return {.objects = {{.bucket = "bench", .key = "obj", .size = 9 * kMiB + 5},
                      {.bucket = "bench", .key = "models/llama/1.bin", .size = 6 * kMiB},
                      {.bucket = "bench", .key = "models/llama/sub/a b.json", .size = 77},
                      {.bucket = "bench", .key = "models/other", .size = 5}}};
}

/// A configuration of the client's space, its own values, to be measured once and read back.
Configuration configuration_for(const Client& client, const MeasurementTarget& target,
                                const std::string& version) {
  const bool is_folder = target.object == kFolder;
  const TransferSpaceOptions options{.object_size = is_folder ? 6 * kMiB + 77 : 9 * kMiB + 5,
                                     .num_objects = is_folder ? 2 : 1,
                                     .largest_object = is_folder ? 6 * kMiB : 0,
                                     .cores = 2,
                                     .constants = to_constants(target, client.name, 1)};
  Configuration configuration = client.space(options, {.version = version}).defaults;
  configuration.set(kVerify, true);
  return configuration;
}

Json last_report(const std::string& output) {
  std::istringstream lines(output);
  Json last;
  for (std::string line; std::getline(lines, line);)
    if (const std::size_t begin = line.find('{'); begin != std::string::npos)
      last = parse_json(line.substr(begin));
  return last;
}

std::string measured_content(const s3sim::Server& server, const Client& client,
                             MeasurementTarget target, const std::string& version) {
  const TemporaryFolder home;
  target.endpoint_url = server.endpoint_url();
  target.folder = home.path() / "scratch";
  std::filesystem::create_directory(target.folder);
  write_file_atomically(home.path() / "trial.json",
                        to_json_text(configuration_for(client, target, version)));
  Command command(home.path(), {"s3", "measure", (home.path() / "trial.json").string()}, kKeys);
  EXPECT_EQ(command.wait(), 0) << client.name << ": " << command.errors();
  EXPECT_TRUE(std::filesystem::is_empty(target.folder)) << client.name;
  const Json report = last_report(command.output());
  const Json* content = report.find(kContent);
  EXPECT_GT(report.at(kDownloadTime).as_double(), 0) << client.name;
  EXPECT_GT(report.at(kPeakMemory).as_int(), kMiB) << client.name;
  EXPECT_FALSE(report.at(kEtag).as_string().empty()) << client.name;
  // The listing's digest, or the ETag, has to be the engine's too: a folder that changed would not
  // be noticed otherwise.
  return (content ? content->as_string() : "none") + " " + report.at(kEtag).as_string();
}

/// nullopt if the client is not beside the interpreter.
std::optional<ClientProgram> found_beside(const std::filesystem::path& python,
                                          const Client& client) {
  const std::filesystem::path program = python.parent_path() / client.program;
  if (client.kind == Client::Kind::Program)
    return std::filesystem::exists(program) ? std::optional(find_program(client, program.string()))
                                            : std::nullopt;
  const Boto3 boto3 = find_boto3(python.string(), SKIPJACK_BINARY);
  if (client.name == "boto3-crt" && boto3.crt_version.empty()) return std::nullopt;
  return ClientProgram{.path = python.string(), .version = boto3.boto3_version};
}

class ClientReferee : public ::testing::TestWithParam<std::string> {};

TEST_P(ClientReferee, FetchesTheBytesThatTheEngineFetches) {
  const char* python = std::getenv("SKIPJACK_TEST_PYTHON");
  if (!python) GTEST_SKIP() << "SKIPJACK_TEST_PYTHON names no interpreter";
  const Client& client = find_client(GetParam());
  const auto program = found_beside(python, client);
  if (!program) GTEST_SKIP() << client.label << " is not installed beside " << python;
  s3sim::Server server(server_options());
  for (const std::string object : {kObject, kFolder}) {
    const MeasurementTarget target{.object = object, .python = python, .program = program->path};
    const std::string expected = measured_content(server, find_client("native"), target, "");
    EXPECT_THAT(expected, HasSubstr("crc32-"));
    EXPECT_EQ(measured_content(server, client, target, program->version), expected) << object;
  }
}

INSTANTIATE_TEST_SUITE_P(Clients, ClientReferee,
                         ::testing::Values("boto3", "boto3-crt", "awscli", "s5cmd", "rclone"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::erase(name, '-');
                           return name;
                         });

/// An executable.
std::filesystem::path write_script(const std::filesystem::path& path, const std::string& text) {
  write_file_atomically(path, "#!/bin/sh\n" + text);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

/// A tuning of a script in rclone's place; fetch: what it does with its target, "$3".
struct Impostor {
  explicit Impostor(const std::string& fetch) {
    const std::filesystem::path script =
        write_script(home.path() / "rclone",
                     "[ \"$1\" = version ] && echo rclone v9.9 && exit\n" + fetch + "\n");
    std::map<std::string, std::string> environment = kKeys;
    environment["RCLONE_TRANSFERS"] = "1";
    command.emplace(home.path(),
                    std::vector<std::string>{
                        "s3", "tune", kObject, "--endpoint-url", server.endpoint_url(), "--client",
                        "rclone", "--program", script.string(), "--folder", home.path().string(),
                        "--max-trials", "1", "--repeats", "1", "--name", "tiny"},
                    environment);
  }
  s3sim::Server server{server_options()};
  TemporaryFolder home;
  std::optional<Command> command;
};

TEST(ClientTrial, OtherBytesEndTheTuning) {
  Impostor impostor("head -c 9437189 /dev/zero >\"$3\"");
  EXPECT_EQ(impostor.command->wait(), 8);
  EXPECT_THAT(impostor.command->errors(),
              HasSubstr("trial 1 (native) wrote other bytes than trial 0 (rclone)"));
}

TEST(ClientTrial, TooFewBytesAreAFailedTrial) {
  Impostor impostor("head -c 1000 /dev/zero >\"$3\"");
  EXPECT_EQ(impostor.command->wait(), 11);
  EXPECT_THAT(impostor.command->errors(), HasSubstr("wrote 1000 bytes"));
}

TEST(ClientTrial, KeysThatEndOnTheWayAreFetchedAnew) {
  s3sim::Server server(server_options());
  const TemporaryFolder home;
  std::filesystem::create_directory(home.path() / ".aws");
  // The AWS tools, as a source of keys, would give back those in the environment.
  const auto source = write_script(home.path() / "source", R"(cd "$HOME"; echo >>asked
echo "{\"Version\": 1, \"AccessKeyId\": \"${AWS_ACCESS_KEY_ID:-AKID$(wc -l <asked)}\",
 \"SecretAccessKey\": \"s\", \"Expiration\": \"$(date -u -d '2 seconds' +%Y-%m-%dT%H:%M:%SZ)\"}"
)");
  write_file_atomically(home.path() / ".aws" / "config",
                        "[default]\ncredential_process = \"" + source.string() + "\"\n");
  const auto program = write_script(
      home.path() / "rclone", R"([ -e "$HOME/got" ] || sleep 2  # when the first keys have ended
echo "$AWS_ACCESS_KEY_ID" >>"$HOME/got"
head -c 9437189 /dev/zero >"$3"
)");
  MeasurementTarget target{.object = kObject, .program = program.string()};
  target.endpoint_url = server.endpoint_url();
  target.folder = home.path();
  Configuration trial = configuration_for(find_client("rclone"), target, "");
  trial.set(kRepeats, 2);
  write_file_atomically(home.path() / "trial.json", to_json_text(trial));
  Command command(home.path(), {"s3", "measure", (home.path() / "trial.json").string()});
  EXPECT_EQ(command.wait(), 0) << command.errors();
  const std::string got = read_file(home.path() / "got");
  EXPECT_THAT(got, ::testing::MatchesRegex("AKID[0-9]+\nAKID[0-9]+\n"));
  EXPECT_NE(got.substr(0, got.find('\n')), got.substr(got.find('\n') + 1, got.find('\n')));
}

TEST(ClientTrial, ItsLastWordsAreTold) {
  Impostor impostor("echo \"no such remote, transfers: $RCLONE_TRANSFERS.\"; exit 5");
  EXPECT_EQ(impostor.command->wait(), 11);
  EXPECT_THAT(impostor.command->errors(), HasSubstr("exit code 5: no such remote, transfers: ."))
      << "the user's settings would be taken for its own values";
}

}  // namespace
}  // namespace skipjack::s3tune
