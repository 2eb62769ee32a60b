// The metadata service of an EC2 instance, version 2 only: a session token first, then with it the
// role's keys and the region. Version 1 answers whoever can make a server fetch a URL, and is never
// asked. Source: "Use the Instance Metadata Service" in the EC2 user guide.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "skipjack/base/clock.h"
#include "skipjack/s3/credentials.h"

namespace skipjack::s3 {

struct InstanceMetadataOptions {
  std::string endpoint = "http://169.254.169.254";
  /// For one attempt; the service is on the same machine. Whether there is one shows within this
  /// time. > 0; AWS's tools wait 1 s too.
  Duration time_limit = std::chrono::seconds(1);
  /// Of each request. >= 1. Unset: 4 once the service has shown itself, since it throttles, but one
  /// to see whether there is such a service.
  std::optional<std::int64_t> num_attempts{};
  std::uint64_t seed = 0;  ///< of the jitter.
  /// Must outlive the object.
  const Clock* clock = &system_clock();
};

/// Thread-safe. Keeps its session token for as long as it is good. A machine that has no such
/// service (no answer to the first question, or a refusal) is remembered as one.
class InstanceMetadata {
 public:
  explicit InstanceMetadata(InstanceMetadataOptions options);
  ~InstanceMetadata();
  InstanceMetadata(const InstanceMetadata&) = delete;
  InstanceMetadata& operator=(const InstanceMetadata&) = delete;

  /// nullopt: no such service here, or the instance has no role. Throws Error where it answers and
  /// gives none.
  std::optional<Credentials> credentials(const std::stop_token& stop = {});
  /// nullopt: no such service here, or it doesn't tell. Throws Cancelled alone.
  std::optional<std::string> region(const std::stop_token& stop = {});
  /// "m5d.12xlarge"; as region().
  std::optional<std::string> instance_type(const std::stop_token& stop = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skipjack::s3
