// Seeded downloads in the worst weather, several at a time: not one wrong byte, none that hangs.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>

#include "../temporary_folder.h"
#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3sim/server.h"
#include "skipjack/s3sim/synthetic.h"

namespace skipjack::s3 {
namespace {

constexpr std::uint64_t kSeed = 20261127;
constexpr int kThreads = 8;
constexpr int kObjects = 32;

/// Far worse than S3 ever is, and quick about it.
s3sim::Profile stress_profile() {
  return {.name = "stress",
          .first_byte_median_seconds = 0.002,
          .first_byte_sigma = 0.8,
          .first_byte_tail_odds = 0.02,
          .first_byte_tail_median_seconds = 0.05,
          .first_byte_tail_sigma = 0.5,
          .connection_bytes_per_second = 50e6,
          .request_sigma = 0.4,
          .slow_odds = 0.01,
          .slow_bytes_per_second = 1e6,
          .slow_down_odds = 0.03,
          .internal_error_odds = 0.02,
          .reset_odds = 0.05,
          .truncate_odds = 0.03,
          .stall_odds = 0.01,
          .stall_seconds = 1};
}

std::int64_t object_size(int index) {
  Rng rng(kSeed, "stress size", static_cast<std::uint64_t>(index));
  return rng.uniform_int(256 * kKiB, 2 * kMiB);
}

std::string object_key(int index) { return "object-" + std::to_string(index); }

TransferConfig any_config(Rng& rng) {
  TransferConfig config{.num_download_attempts = 12};
  if (rng.bernoulli(0.7)) config.max_concurrency = rng.uniform_int(1, 8);
  if (rng.bernoulli(0.7)) config.multipart_chunksize = rng.uniform_int(20'000, 600'000);
  if (rng.bernoulli(0.5)) config.io_chunksize = rng.uniform_int(1000, 300'000);
  if (rng.bernoulli(0.1)) config.use_threads = false;
  if (rng.bernoulli(0.2)) config.hedge = false;
  return config;
}

struct Weather {
  std::atomic<int> next{0}, wrong{0}, failed{0}, late{0}, hedges{0}, retries{0};
};

void download_some(const s3sim::Server& server, const std::filesystem::path& folder,
                   Weather& weather) {
  for (int i; (i = weather.next++) < SKIPJACK_STRESS_DOWNLOADS;) {
    Rng rng(kSeed, "stress", static_cast<std::uint64_t>(i));
    const int index = static_cast<int>(rng.uniform_int(0, kObjects - 1));
    Client client(
        {.endpoint = {.endpoint_url = server.endpoint_url()},
         .transport = {.stall_timeout = std::chrono::milliseconds(300)},
         .make_transport = rng.bernoulli(0.2) ? make_curl_transport : make_socket_transport,
         .seed = static_cast<std::uint64_t>(i)});
    const std::filesystem::path file = folder / std::to_string(i);
    const bool to_file = rng.bernoulli(0.5);
    DownloadOptions options{
        .object = {"bucket", object_key(index)}, .target = ToMemory{}, .config = any_config(rng)};
    if (to_file) options.target = ToFile{file};
    const Duration begin = system_clock().now();
    try {
      const DownloadResult result = client.download(options);
      const std::string bytes = to_file ? read_file(file) : std::string(result.memory.view());
      std::string expected(static_cast<std::size_t>(object_size(index)), '\0');
      s3sim::synthetic_bytes(s3sim::synthetic_phase(1, "bucket", object_key(index)), 0,
                             std::as_writable_bytes(std::span(expected)));
      if (bytes != expected) ++weather.wrong;
      weather.hedges += static_cast<int>(result.num_hedges);
      weather.retries += static_cast<int>(result.num_retries);
      if (to_file) std::filesystem::remove(file);
    } catch (const Error& error) {
      ++weather.failed;
      ADD_FAILURE() << "download " << i << ": " << error.what();
    }
    if (system_clock().now() - begin > std::chrono::seconds(20)) ++weather.late;
  }
}

TEST(Stress, EveryDownloadBringsTheRightBytesInTime) {
  std::vector<s3sim::SyntheticObject> objects;
  for (int i = 0; i < kObjects; ++i) objects.push_back({"bucket", object_key(i), object_size(i)});
  const s3sim::Server server({.profile = stress_profile(), .seed = 1, .objects = objects});
  const TemporaryFolder folder;
  Weather weather;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] { download_some(server, folder.path(), weather); });
  }
  std::cout << SKIPJACK_STRESS_DOWNLOADS << " downloads, seed " << kSeed << ": " << weather.retries
            << " retries, " << weather.hedges << " second requests, "
            << server.stats().injected_faults << " faults\n";
  EXPECT_EQ(weather.wrong, 0);
  EXPECT_EQ(weather.failed, 0);
  EXPECT_EQ(weather.late, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace skipjack::s3
