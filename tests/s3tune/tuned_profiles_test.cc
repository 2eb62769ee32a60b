// What is kept of tunings: that it comes back, that it stays small, and that a file of any content
// does no harm.
#include "skipjack/s3tune/tuned_profiles.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "../thrown.h"
#include "command.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/file.h"

namespace skipjack::s3tune {
namespace {

const TunedFor kHere{"host", "http://127.0.0.1:9000", 13};

TEST(TunedProfiles, SizesWithinAFactorOfFourAreOneClass) {
  EXPECT_EQ(size_class(64 * kMiB), 13);
  EXPECT_EQ(size_class(256 * kMiB - 1), 13);
  EXPECT_EQ(size_class(256 * kMiB), 14);
  EXPECT_EQ(size_class(0), 0);
  EXPECT_EQ(size_class(INT64_MAX), 31);
}

TEST(TunedProfiles, EndpointsAreNamedByWhatReachesThem) {
  EXPECT_EQ(endpoint_name({.region = "eu-south-1"}), "AWS eu-south-1");
  EXPECT_EQ(endpoint_name({.endpoint_url = "HTTPS://store.example:443/base/"}),
            "https://store.example");
}

TEST(TunedProfiles, WhatIsWrittenIsReadByThisUserAlone) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "state" / "tuned.json";
  EXPECT_TRUE(read_profiles(path).empty());
  write_profiles(path, {{kHere, 71, 2856000}, {{"other", "AWS us-east-1", 15}, 8, kMiB}});
  struct ::stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const std::vector<TunedProfile> read = read_profiles(path);
  ASSERT_EQ(read.size(), 2u);
  const TunedProfile* found = find_profile(read, kHere);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->max_concurrency, 71);
  EXPECT_EQ(found->multipart_chunksize, 2856000);
  EXPECT_EQ(find_profile(read, {"host", kHere.endpoint, 14}), nullptr);
}

TEST(TunedProfiles, ALaterOneReplacesAndTheOldestGoes) {
  std::vector<TunedProfile> profiles;
  keep_profile(profiles, {kHere, 1, 1});
  keep_profile(profiles, {kHere, 2, 2});
  ASSERT_EQ(profiles.size(), 1u);
  EXPECT_EQ(profiles[0].max_concurrency, 2);
  for (int i = 0; i < 256; ++i) keep_profile(profiles, {{"h" + std::to_string(i), "", 0}, 1, 1});
  EXPECT_EQ(profiles.size(), 256u);
  EXPECT_EQ(find_profile(profiles, kHere), nullptr);
  EXPECT_TRUE(forget_profile(profiles, {"h7", "", 0}));
  EXPECT_FALSE(forget_profile(profiles, {"h7", "", 0}));
}

TEST(TunedProfiles, WhatIsNoProfileIsLeftOut) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "tuned.json";
  const std::string rest = R"("endpoint":"e","size_class":3,"multipart_chunksize":5)";
  write_file_atomically(path, R"({"version":1,"profiles":[1,null,[],{},{"host":"h",)" + rest +
                                  R"(,"max_concurrency":0},{"host":"h",)" + rest +
                                  R"(,"max_concurrency":1e300},{"host":7,)" + rest +
                                  R"(,"max_concurrency":4},{"host":")" + std::string(301, 'h') +
                                  "\"," + rest + R"(,"max_concurrency":4},{"host":"h",)" + rest +
                                  R"(,"max_concurrency":4}]})");
  const std::vector<TunedProfile> read = read_profiles(path);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].max_concurrency, 4);
}

TEST(TunedProfiles, AFileOfAnotherKindIsAnErrorThatSaysSo) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "tuned.json";
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("\xff\0{", 3), std::string(200'000, '['),
        std::string(R"({"version":"1","profiles":[]})"), std::string(R"({"version":1})"),
        std::string(2 * kMiB, ' ')}) {
    write_file_atomically(path, text);
    EXPECT_EQ(error_of([&] { read_profiles(path); }).code(), ErrorCode::Corrupted);
  }
  write_file_atomically(path, R"({"version":2,"profiles":"other"})");
  EXPECT_EQ(error_of([&] { read_profiles(path); }).code(), ErrorCode::Corrupted);
  write_file_atomically(path, R"({"version":2,"profiles":[]})");
  EXPECT_EQ(error_of([&] { read_profiles(path); }).code(), ErrorCode::Unsupported);
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);  // reading it would never end
  EXPECT_EQ(error_of([&] { read_profiles(path); }).code(), ErrorCode::Corrupted);
}

}  // namespace
}  // namespace skipjack::s3tune
