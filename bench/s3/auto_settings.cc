// The self-tuning default against fixed settings, over loopback, from the simulated server with
// each built-in profile: runs in turn, medians, and the ratio to the best fixed setting. The server
// is a thread of this process; what arrives is dropped, and its number of bytes checked.
//   auto_settings [--profile NAME] [--size BYTES] [--runs N] [--learned]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3sim/server.h"

namespace skipjack {
namespace {

struct Setting {
  std::string name;
  s3::TransferConfig config{};
  std::vector<double> seconds{};
};

std::vector<Setting> settings() {
  std::vector<Setting> list{{.name = "auto"}};
  for (const auto& [number, part] :
       {std::pair{4, 16}, {8, 8}, {16, 8}, {32, 4}, {32, 8}, {64, 4}, {64, 8}, {64, 16}, {128, 8}})
    list.push_back({.name = std::to_string(number) + " x " + std::to_string(part) + " MiB",
                    .config = {.max_concurrency = number, .multipart_chunksize = part * kMiB}});
  return list;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// A new server and client each time: the same draws for all settings of a run.
double run_once(const s3sim::Profile& profile, std::uint64_t seed, std::int64_t size,
                const s3::TransferConfig& config, bool learned) {
  const s3sim::Server server(
      {.profile = profile, .seed = seed, .objects = {{"bucket", "object", size}}});
  s3::Client client({.endpoint = {.endpoint_url = server.endpoint_url()}, .seed = seed});
  if (learned) client.download({.object = {"bucket", "object"}, .config = config});
  const s3::DownloadResult result =
      client.download({.object = {"bucket", "object"}, .config = config});
  SKIPJACK_CHECK(result.bytes == size);
  return to_seconds(result.duration);
}

void compare(const s3sim::Profile& profile, std::int64_t size, int runs, bool learned) {
  std::vector<Setting> list = settings();
  for (int run = 0; run < runs; ++run)
    for (Setting& setting : list)
      setting.seconds.push_back(
          run_once(profile, static_cast<std::uint64_t>(run) + 1, size, setting.config, learned));
  const Setting* best = &list[1];
  for (std::size_t i = 1; i < list.size(); ++i)
    if (median(list[i].seconds) < median(best->seconds)) best = &list[i];
  std::vector<double> ratios;
  for (int run = 0; run < runs; ++run)
    ratios.push_back(best->seconds[static_cast<std::size_t>(run)] /
                     list[0].seconds[static_cast<std::size_t>(run)]);
  std::printf("%-18s auto %.3f s, best %s %.3f s, ratio %.3f (%.3f to %.3f)\n",
              profile.name.c_str(), median(list[0].seconds), best->name.c_str(),
              median(best->seconds), median(ratios),
              *std::min_element(ratios.begin(), ratios.end()),
              *std::max_element(ratios.begin(), ratios.end()));
  for (const Setting& setting : list)
    std::printf("    %-12s %.3f\n", setting.name.c_str(), median(setting.seconds));
  std::fflush(stdout);
}

}  // namespace
}  // namespace skipjack

int main(int argc, char** argv) {
  std::int64_t size = skipjack::kGiB;
  int runs = 7;
  bool learned = false;
  std::string name;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--learned") == 0) learned = true;
    if (std::strcmp(argv[i], "--profile") == 0 && i + 1 < argc) name = argv[++i];
    if (std::strcmp(argv[i], "--size") == 0 && i + 1 < argc)
      size = skipjack::parse_byte_size(argv[++i]);
    if (std::strcmp(argv[i], "--runs") == 0 && i + 1 < argc) runs = std::atoi(argv[++i]);
  }
  for (const skipjack::s3sim::Profile& profile : skipjack::s3sim::builtin_profiles())
    if (name.empty() || profile.name == name) skipjack::compare(profile, size, runs, learned);
  return 0;
}
