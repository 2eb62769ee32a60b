// Profiles, draws, shares, the twin and the synthetic bytes: everything without a socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "skipjack/base/error.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3sim/digest.h"
#include "skipjack/s3sim/draws.h"
#include "skipjack/s3sim/profile.h"
#include "skipjack/s3sim/synthetic.h"
#include "skipjack/s3sim/twin.h"

namespace skipjack::s3sim {
namespace {

using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ErrorCode code_of(const std::function<void()>& call, std::string* message = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (message != nullptr) *message = std::string(error.what()) + " " + error.try_this();
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::Corrupted;
}

TEST(Profile, EveryBuiltinOneIsValidAndFoundByItsName) {
  std::set<std::string> names;
  for (const Profile& profile : builtin_profiles()) {
    EXPECT_NO_THROW(validate(profile)) << profile.name;
    EXPECT_EQ(find_profile(profile.name).description, profile.description);
    EXPECT_TRUE(names.insert(profile.name).second) << profile.name;
    EXPECT_THAT(profile.remark(), HasSubstr(profile.name));
  }
  for (const char* name : {"ec2-small", "ec2-m5d.12xlarge", "far-away", "flat"})
    EXPECT_TRUE(names.contains(name));
}

TEST(Profile, UnknownNameListsTheKnownOnes) {
  std::string message;
  EXPECT_EQ(code_of([] { find_profile("ec2-tiny"); }, &message), ErrorCode::InvalidArgument);
  EXPECT_THAT(message, HasSubstr("ec2-tiny"));
  for (const Profile& profile : builtin_profiles()) EXPECT_THAT(message, HasSubstr(profile.name));
}

TEST(Profile, SurvivesJson) {
  for (const Profile& profile : builtin_profiles()) {
    const Json json = to_json(profile);
    EXPECT_EQ(to_json(profile_from_json(parse_json(to_json_text(json)))), json) << profile.name;
  }
}

TEST(Profile, JsonStartsFromABase) {
  const Profile profile = profile_from_json(
      parse_json(R"({"link_bytes_per_second": 1e9, "base": "ec2-small", "name": "wider"})"));
  EXPECT_EQ(profile.name, "wider");
  EXPECT_EQ(profile.link_bytes_per_second, 1e9);
  EXPECT_EQ(profile.first_byte_median_seconds, find_profile("ec2-small").first_byte_median_seconds);
}

TEST(Profile, BadFieldIsNamedWithValueAndBound) {
  std::string message;
  EXPECT_EQ(code_of([] { profile_from_json(parse_json(R"({"reset_odds": 1.5})")); }, &message),
            ErrorCode::InvalidArgument);
  EXPECT_THAT(message, HasSubstr("reset_odds = 1.5"));
  EXPECT_THAT(message, HasSubstr("[0"));
  EXPECT_EQ(code_of([] { profile_from_json(parse_json(R"({"latency": 1})")); }, &message),
            ErrorCode::InvalidArgument);
  EXPECT_THAT(message, HasSubstr("latency"));
  code_of([] { profile_from_json(parse_json(R"({"first_byte_sigma": NaN})")); });
  code_of([] { profile_from_json(parse_json(R"({"link_bytes_per_second": Infinity})")); });
  code_of([] { profile_from_json(parse_json(R"({"reset_odds": 0.6, "truncate_odds": 0.6})")); });
}

TEST(Draws, AreAFunctionOfSeedConnectionAndRequest) {
  const Profile profile = find_profile("faulty");
  const auto same = draw_response(profile, 7, {3, 2}), again = draw_response(profile, 7, {3, 2});
  EXPECT_EQ(same.first_byte_seconds, again.first_byte_seconds);
  EXPECT_EQ(same.bytes_per_second, again.bytes_per_second);
  for (const auto& other : {draw_response(profile, 8, {3, 2}), draw_response(profile, 7, {2, 2}),
                            draw_response(profile, 7, {3, 1})})
    EXPECT_NE(other.first_byte_seconds, same.first_byte_seconds);
}

TEST(Draws, FirstByteHasTheProfilesQuantiles) {
  // Without a tail: median m and 84.13 % quantile m e^sigma. n = 20000, so the median's standard
  // error is about 1.25 sigma / sqrt(n) = 0.0035 in the logarithm; five of them allowed.
  Profile profile{.name = "test", .first_byte_median_seconds = 0.02, .first_byte_sigma = 0.4};
  std::vector<double> values;
  for (std::uint64_t i = 0; i < 20000; ++i)
    values.push_back(draw_response(profile, 11, {i / 10, i % 10}).first_byte_seconds);
  std::sort(values.begin(), values.end());
  EXPECT_NEAR(std::log(values[10000] / 0.02), 0, 0.018);
  EXPECT_NEAR(std::log(values[16827] / 0.02), 0.4, 0.025);
  profile.first_byte_floor_seconds = 0.03;
  for (std::uint64_t i = 0; i < 1000; ++i)
    EXPECT_GE(draw_response(profile, 11, {i, 1}).first_byte_seconds, 0.03);
}

TEST(Draws, FaultsComeAtTheirOdds) {
  const Profile profile{
      .name = "test", .slow_down_odds = 0.05, .reset_odds = 0.1, .stall_odds = 0.02};
  const int n = 20000;
  std::map<Fault, int> counts;
  for (std::uint64_t i = 0; i < n; ++i)
    if (const auto fault = draw_response(profile, 5, {i, 1}).fault) ++counts[*fault];
  // Five standard deviations of a binomial.
  const auto near = [&](Fault fault, double odds) {
    EXPECT_NEAR(counts[fault], n * odds, 5 * std::sqrt(n * odds * (1 - odds)));
  };
  near(Fault::SlowDown, 0.05);
  near(Fault::Reset, 0.1);
  near(Fault::Stall, 0.02);
  EXPECT_EQ(counts[Fault::Truncate], 0);
}

TEST(Draws, SwitchingOneThingOffLeavesTheOthers) {
  Profile profile = find_profile("faulty");
  const auto before = draw_response(profile, 3, {4, 5});
  profile.reset_odds = profile.truncate_odds = profile.slow_odds = 0;
  profile.connection_bytes_per_second = 0;
  EXPECT_EQ(draw_response(profile, 3, {4, 5}).first_byte_seconds, before.first_byte_seconds);
}

TEST(Drift, StaysWithinItsAmplitudeAndAveragesToOne) {
  const Profile profile{.name = "test", .drift_amplitude = 0.2, .drift_period_seconds = 10};
  double sum = 0, low = 2, high = 0;
  for (int i = 0; i < 1000; ++i) {
    const double factor = drift_factor(profile, 9, i * 0.01);
    sum += factor;
    low = std::min(low, factor);
    high = std::max(high, factor);
  }
  EXPECT_NEAR(sum / 1000, 1, 1e-9);
  EXPECT_NEAR(low, 0.8, 1e-3);
  EXPECT_NEAR(high, 1.2, 1e-3);
}

TEST(FairShares, MatchCasesWorkedOutByHand) {
  using V = std::vector<double>;
  EXPECT_EQ(fair_shares(V{10, 10, 10}, 30), (V{10, 10, 10}));
  EXPECT_EQ(fair_shares(V{10, 10, 10}, 15), (V{5, 5, 5}));
  EXPECT_EQ(fair_shares(V{100, 2, 100}, 12), (V{5, 2, 5}));
  EXPECT_EQ(fair_shares(V{kInfinity, 3}, 10), (V{7, 3}));
  EXPECT_EQ(fair_shares(V{kInfinity, 3}, kInfinity), (V{kInfinity, 3}));
  EXPECT_TRUE(fair_shares(V{}, 10).empty());
}

TEST(FairShares, KeepMaxMinFairnessOnRandomLimits) {
  const std::uint64_t seed = 20241;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> limits(static_cast<std::size_t>(rng.uniform_int(1, 40)));
    for (double& limit : limits) limit = rng.uniform(0.1, 10);
    const double link = rng.uniform(0.5, 200);
    const auto shares = fair_shares(limits, link);
    double sum = 0, most = 0;
    for (std::size_t i = 0; i < limits.size(); ++i) {
      EXPECT_LE(shares[i], limits[i]);
      sum += shares[i];
      most = std::max(most, shares[i]);
    }
    EXPECT_LE(sum, link * (1 + 1e-12));
    // Who has less than his limit has as much as anybody.
    for (std::size_t i = 0; i < limits.size(); ++i)
      if (shares[i] < limits[i]) {
        EXPECT_NEAR(shares[i], most, 1e-9);
        EXPECT_NEAR(sum, link, link * 1e-9);
      }
  }
}

TEST(Synthetic, PeriodIsPrime) {
  for (std::int64_t divisor = 2; divisor * divisor <= kPatternBytes; ++divisor)
    ASSERT_NE(kPatternBytes % divisor, 0) << divisor;
}

TEST(Synthetic, PiecesAgreeWithTheWhole) {
  std::vector<std::byte> whole(5000), piece(777);
  const std::int64_t offset = kPatternBytes - 2000, phase = 12345;
  synthetic_bytes(phase, offset, whole);
  synthetic_bytes(phase, offset + 1500, piece);
  EXPECT_TRUE(std::equal(piece.begin(), piece.end(), whole.begin() + 1500));
  synthetic_bytes(phase, offset + 1500 + 3 * kPatternBytes, piece);
  EXPECT_TRUE(std::equal(piece.begin(), piece.end(), whole.begin() + 1500));
}

TEST(Synthetic, ChecksumIsThatOfItsBytes) {
  for (const auto& [phase, size] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {0, 0}, {5, 1}, {777, 200'001}, {kPatternBytes - 3, 100'000}, {0, kPatternBytes}}) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    synthetic_bytes(phase, 0, bytes);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    EXPECT_EQ(synthetic_crc64nvme(phase, size), crc64nvme(0, text)) << phase << " " << size;
  }
}

TEST(Synthetic, ChecksumsOfLongObjectsGrowPieceByPiece) {
  const std::int64_t phase = 54321, size = 11 * kPatternBytes - 5;
  std::vector<std::byte> piece(3000);
  synthetic_bytes(phase, size, piece);
  const std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
  EXPECT_EQ(synthetic_crc64nvme(phase, size + 3000),
            crc64nvme(synthetic_crc64nvme(phase, size), text));
  // 8 EiB take no longer.
  EXPECT_NE(synthetic_crc64nvme(phase, std::numeric_limits<std::int64_t>::max()), 0u);
}

TEST(Crc64Nvme, HasThePublishedCheckValueAndIsCombined) {
  EXPECT_EQ(crc64nvme(0, "123456789"), 0xae8b14860a799888u);
  EXPECT_EQ(crc64nvme_combined(crc64nvme(0, "1234"), crc64nvme(0, "56789"), 5),
            0xae8b14860a799888u);
  EXPECT_EQ(base64(digest_of("crc64nvme", "123456789")), "rosUhgp5mIg=");
}

TEST(Synthetic, NoTwoPartsAreAlike) {
  for (const std::int64_t part :
       {std::int64_t{1} << 20, std::int64_t{8} << 20, std::int64_t{64} << 20}) {
    std::set<std::vector<std::byte>> heads;
    for (std::int64_t i = 0; i < 200; ++i) {
      std::vector<std::byte> head(32);
      synthetic_bytes(99, i * part, head);
      EXPECT_TRUE(heads.insert(head).second) << part << " " << i;
    }
  }
}

TEST(Ideal, IsLatencyAndAFullLink) {
  const Profile profile{.name = "test",
                        .first_byte_median_seconds = 0.01,
                        .first_byte_floor_seconds = 0.02,
                        .connect_seconds = 0.005,
                        .link_bytes_per_second = 1e8};
  EXPECT_DOUBLE_EQ(ideal_seconds(profile, 100'000'000), 0.005 + 0.02 + 1.0);
}

TEST(Twin, MatchesArithmeticWithoutChance) {
  // HEAD 0.1 + connect 0.05 on the first connection; its first part then starts at 0.15 and needs
  // 0.1 + 1 a part; the second connection's first part is 0.05 later. 4 parts on 2 connections.
  const Profile profile{.name = "test",
                        .first_byte_median_seconds = 0.1,
                        .connect_seconds = 0.05,
                        .connection_bytes_per_second = 1e6};
  EXPECT_NEAR(
      simulate_download(profile, {.size = 4'000'000, .concurrency = 2, .part_size = 1'000'000}),
      0.15 + 0.05 + 2 * 1.1, 1e-9);
  // The last part is half as long, and one connection does all.
  EXPECT_NEAR(
      simulate_download(profile, {.size = 1'500'000, .concurrency = 1, .part_size = 1'000'000}),
      0.15 + 1.1 + 0.6, 1e-9);
}

TEST(Twin, SharesTheLink) {
  const Profile profile{
      .name = "test", .connection_bytes_per_second = 1e6, .link_bytes_per_second = 2e6};
  EXPECT_NEAR(
      simulate_download(profile, {.size = 8'000'000, .concurrency = 8, .part_size = 1'000'000}), 4,
      1e-6);
  EXPECT_NEAR(
      simulate_download(profile, {.size = 8'000'000, .concurrency = 1, .part_size = 1'000'000}), 8,
      1e-6);
}

TEST(Twin, NeverBeatsTheIdealByMoreThanLuckInLatencyAndDrift) {
  for (const Profile& profile : builtin_profiles()) {
    if (profile.link_bytes_per_second == 0) continue;
    const std::int64_t size = std::int64_t{1} << 30;
    const double full_link = static_cast<double>(size) / profile.link_bytes_per_second;
    for (std::uint64_t seed = 0; seed < 5; ++seed)
      EXPECT_GE(simulate_download(profile, {.size = size, .concurrency = 64, .seed = seed}),
                full_link / (1 + profile.drift_amplitude))
          << profile.name;
  }
}

TEST(Profiles, DoWhatTheirDescriptionsSay) {
  const auto seconds = [](const char* name, int concurrency, std::int64_t part_mib) {
    double sum = 0;
    for (std::uint64_t world = 0; world < 5; ++world)
      sum += simulate_download(find_profile(name), {.size = std::int64_t{1} << 30,
                                                    .concurrency = concurrency,
                                                    .part_size = part_mib << 20,
                                                    .first_connection = world * 1000});
    return sum / 5;
  };
  const auto best = [&](const char* name) {
    double least = kInfinity;
    for (const int concurrency : {10, 20, 32, 64})
      for (const std::int64_t part : {2, 8, 16})
        least = std::min(least, seconds(name, concurrency, part));
    return least;
  };
  EXPECT_GT(seconds("ec2-small", 10, 8) / best("ec2-small"), 2.0);
  EXPECT_GT(seconds("ec2-m5d.12xlarge", 10, 8) / best("ec2-m5d.12xlarge"), 1.4);
  EXPECT_GT(seconds("far-away", 10, 8) / best("far-away"), 2.5);
  EXPECT_LT(seconds("flat", 10, 8) / best("flat"), 1.03);
}

}  // namespace
}  // namespace skipjack::s3sim
