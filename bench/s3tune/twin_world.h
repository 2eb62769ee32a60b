// A tuning rehearsed on a profile's discrete twin: the definition that `skipjack s3 tune` would
// make, its scheduler, and the twin in place of processes and sockets. What the twin does not know
// (CPU, disk, boto3's own pace) is not in these figures; noise of the machine can be added.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include "skipjack/base/rng.h"
#include "skipjack/s3/plan.h"
#include "skipjack/s3sim/profile.h"
#include "skipjack/s3sim/twin.h"
#include "skipjack/s3tune/rehearsal.h"
#include "skipjack/s3tune/s3_tuning.h"
#include "skipjack/s3tune/s3_verdict.h"

namespace skipjack::bench {

struct TwinWorldOptions {
  s3sim::Profile profile;
  std::int64_t size = std::int64_t{256} << 20;
  std::uint64_t seed = 1;
  /// Standard deviation of the logarithm of a factor on each download: what a machine adds to the
  /// network.
  double noise = 0.02;
};

class TwinWorld {
 public:
  explicit TwinWorld(TwinWorldOptions options)
      : options_(std::move(options)), rng_(options_.seed, "machine") {}

  /// Seconds of one more download; each makes new connections, whose draws are new.
  double download(const Configuration& configuration, double start) {
    const s3::EffectiveConfig effective =
        s3::plan_download(options_.size, s3tune::transfer_config_of(configuration), {}).config;
    const double seconds = s3sim::simulate_download(
        options_.profile, {.size = options_.size,
                           .concurrency = static_cast<int>(effective.max_concurrency),
                           .part_size = effective.multipart_chunksize,
                           .seed = options_.seed,
                           .first_connection = num_connections_,
                           .start_seconds = start});
    num_connections_ += static_cast<std::uint64_t>(effective.max_concurrency);
    return seconds * std::exp(options_.noise * rng_.normal());
  }

 private:
  TwinWorldOptions options_;
  Rng rng_;
  std::uint64_t num_connections_ = 0;
};

inline TuningDefinition twin_definition(std::int64_t size, std::uint64_t seed,
                                        const std::string& method, Duration max_time) {
  s3tune::S3TuningOptions options;
  options.target = {.object = "s3://bench/obj", .to = s3tune::Destination::Discard};
  options.method = method;
  options.seed = seed;
  options.max_time = max_time;
  options.cores = 2;
  options.program = "skipjack";
  return s3tune::define_s3_tuning(options, {.size = size});
}

inline History rehearse_on(TwinWorld& world, const TuningDefinition& definition, Duration max_time,
                           std::int64_t size) {
  const auto scheduler = s3tune::make_scheduler_of(definition);
  return s3tune::rehearse(*scheduler, {.download = [&](const Configuration& c,
                                                       double t) { return world.download(c, t); },
                                       .max_time = max_time,
                                       .object_size = size});
}

}  // namespace skipjack::bench
