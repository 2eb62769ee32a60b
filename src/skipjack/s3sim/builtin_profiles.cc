// The table of built-in profiles. Sources of the figures: first bytes and rates of one connection
// in a region of AWS from [dvassallo-s3-benchmark] (p50 10 ms, p99 58 to 90 ms; 93 MB/s net a
// thread) and [Durner2023] (median 30 ms under load, 55 to 60 MiB/s a request, cap 95). What is
// fitted by eye or scaled says so in the description.
#include "skipjack/s3sim/profile.h"

namespace skipjack::s3sim {
namespace {

std::vector<Profile> make_profiles() {
  return {
      {.name = "ec2-small",
       .description =
           "An EC2 instance in the bucket's region, its link and its connections scaled to a "
           "machine of two cores: about 25 connections fill the link.",
       .first_byte_median_seconds = 0.015,
       .first_byte_sigma = 0.3,
       .first_byte_floor_seconds = 0.007,
       .first_byte_tail_odds = 0.03,
       .first_byte_tail_median_seconds = 0.06,
       .first_byte_tail_sigma = 0.5,
       .connect_seconds = 0.004,
       .connection_bytes_per_second = 25e6,
       .connection_sigma = 0.03,
       .request_sigma = 0.03,
       .link_bytes_per_second = 600e6,
       .drift_amplitude = 0.03,
       .drift_period_seconds = 45},
      {.name = "ec2-m5d.12xlarge",
       .description =
           "A 10 Gbit/s instance in the bucket's region, unscaled: 93 MB/s a connection, a "
           "link of 1.2 GB/s.",
       .first_byte_median_seconds = 0.02,
       .first_byte_sigma = 0.4,
       .first_byte_floor_seconds = 0.008,
       .first_byte_tail_odds = 0.03,
       .first_byte_tail_median_seconds = 0.08,
       .first_byte_tail_sigma = 0.5,
       .connect_seconds = 0.004,
       .connection_bytes_per_second = 93e6,
       .connection_sigma = 0.03,
       .request_sigma = 0.05,
       .link_bytes_per_second = 1.2e9,
       .drift_amplitude = 0.03,
       .drift_period_seconds = 60},
      {.name = "far-away",
       .description =
           "A bucket on another continent: 180 ms to the first byte, 12 MB/s a connection "
           "(the window of a long path), a link of 300 MB/s.",
       .first_byte_median_seconds = 0.18,
       .first_byte_sigma = 0.12,
       .first_byte_floor_seconds = 0.15,
       .first_byte_tail_odds = 0.03,
       .first_byte_tail_median_seconds = 0.4,
       .first_byte_tail_sigma = 0.4,
       .connect_seconds = 0.28,
       .connection_bytes_per_second = 12e6,
       .connection_sigma = 0.1,
       .request_sigma = 0.05,
       .link_bytes_per_second = 300e6,
       .drift_amplitude = 0.03,
       .drift_period_seconds = 60},
      {.name = "flat",
       .description =
           "A narrow link near the bucket that a few connections fill: boto3's values are near "
           "the best, and there is next to nothing to gain.",
       .first_byte_median_seconds = 0.008,
       .first_byte_sigma = 0.2,
       .first_byte_floor_seconds = 0.004,
       .connect_seconds = 0.002,
       .connection_bytes_per_second = 60e6,
       .connection_sigma = 0.03,
       .request_sigma = 0.03,
       .link_bytes_per_second = 120e6},
      {.name = "faulty",
       .description = "ec2-small in bad weather, far worse than S3 is: slow answers, SlowDown and "
                      "InternalError, resets, short bodies and stalls.",
       .first_byte_median_seconds = 0.015,
       .first_byte_sigma = 0.8,
       .first_byte_floor_seconds = 0.007,
       .first_byte_tail_odds = 0.05,
       .first_byte_tail_median_seconds = 0.2,
       .first_byte_tail_sigma = 0.7,
       .connect_seconds = 0.004,
       .connection_bytes_per_second = 35e6,
       .connection_sigma = 0.2,
       .request_sigma = 0.28,
       .slow_odds = 0.01,
       .slow_bytes_per_second = 3e6,
       .link_bytes_per_second = 600e6,
       .drift_amplitude = 0.2,
       .drift_period_seconds = 30,
       .slow_down_odds = 0.02,
       .internal_error_odds = 0.005,
       .reset_odds = 0.02,
       .truncate_odds = 0.01,
       .stall_odds = 0.002,
       .stall_seconds = 10},
      {.name = "unpaced",
       .description =
           "No model at all: loopback as fast as it goes. For correctness and for CPU figures; "
           "what is best here is best nowhere else."},
  };
}

}  // namespace

const std::vector<Profile>& builtin_profiles() {
  static const std::vector<Profile> profiles = make_profiles();
  return profiles;
}

}  // namespace skipjack::s3sim
