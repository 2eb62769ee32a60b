// Amazon's own clients as referees of the server. SKIPJACK_TEST_PYTHON names a Python that has
// boto3 (and, beside it, the AWS CLI); without it the test is skipped, and says so.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "skipjack/s3sim/server.h"
#include "skipjack/s3sim/synthetic.h"

namespace skipjack::s3sim {
namespace {

constexpr std::int64_t kSize =
    90'000'001;  // More than a period of the pattern, and no whole number of parts.
constexpr std::uint64_t kSeed = 3;

std::string sha256_of_object() {
  std::vector<std::byte> bytes(kSize);
  synthetic_bytes(synthetic_phase(kSeed, "bench", "obj"), 0, bytes);
  std::array<unsigned char, 32> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::string hex;
  for (const unsigned char c : digest) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", c);
    hex += pair;
  }
  return hex;
}

TEST(Referee, Boto3AndTheAwsCliAgreeWithTheServer) {
  const char* python = std::getenv("SKIPJACK_TEST_PYTHON");
  if (python == nullptr)
    GTEST_SKIP()
        << "set SKIPJACK_TEST_PYTHON to a Python interpreter that has boto3 to run this test";
  Server server({.seed = kSeed,
                 .access_key = "AKIDTEST",
                 .secret_key = "secret/with+signs=",
                 .objects = {{.bucket = "bench", .key = "obj", .size = kSize}}});
  std::string text(250'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i % 251);
  for (const char* algorithm : {"crc32", "crc32c", "crc64nvme", "sha1", "sha256"})
    server.put_object("bench", std::string("parts-") + algorithm, text,
                      {.checksum = algorithm, .part_bytes = 100'000});
  const std::filesystem::path cli = std::filesystem::path(python).parent_path() / "aws";
  const std::string command = std::string(python) + " " + S3SIM_REFEREE_SCRIPT + " " +
                              server.endpoint_url() + " " + std::to_string(kSize) + " " +
                              sha256_of_object() + " '" +
                              (std::filesystem::exists(cli) ? cli.string() : "") + "' 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), size);
  EXPECT_EQ(::pclose(pipe), 0) << output;
  EXPECT_NE(output.find("agreed"), std::string::npos) << output;
}

}  // namespace
}  // namespace skipjack::s3sim
