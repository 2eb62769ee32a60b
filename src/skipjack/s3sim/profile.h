// What the network in front of the objects is like: first-byte latency, rate of a connection, rate
// of the link, drift, faults. A profile is data: a flat struct with a JSON form, so that a user's
// own file works like the built-in ones. Figures of the built-in profiles come from published
// measurements of S3 seen from EC2 [dvassallo-s3-benchmark], [Durner2023], scaled where the
// description says so. Not modelled: name resolution, TLS, slow start of a long path, hosts of
// unequal speed behind one name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "skipjack/base/json.h"

namespace skipjack::s3sim {

/// A model of S3 seen from one machine. All odds are per response in [0, 1]; 0 switches a feature
/// off, and a default Profile has no limit, no latency and no fault.
struct Profile {
  /// Name by which users choose it, one word.
  std::string name{};
  /// One sentence: what it stands for.
  std::string description{};

  /// First byte: the time from the end of a request to the first byte of its answer is log-normal
  /// with this median and this sigma (standard deviation of the logarithm), never below the floor.
  /// Seconds, >= 0. A median of 0 answers at once.
  double first_byte_median_seconds = 0;
  /// Range [0, 3].
  double first_byte_sigma = 0;
  /// Seconds, >= 0.
  double first_byte_floor_seconds = 0;
  /// Odds that the first byte is drawn from the slow tail, log-normal with its own median and
  /// sigma.
  double first_byte_tail_odds = 0;
  double first_byte_tail_median_seconds = 0;
  double first_byte_tail_sigma = 0;
  /// Added to the first answer on a new connection: the round trips of connecting, which loopback
  /// does not have. Seconds, >= 0.
  double connect_seconds = 0;

  /// Median rate of one connection's body. Bytes a second; 0 is no limit.
  double connection_bytes_per_second = 0;
  /// Spread of the logarithm of that rate between connections, and between answers of a connection.
  /// Range [0, 2]. A drawn rate never exceeds twice the median.
  double connection_sigma = 0;
  double request_sigma = 0;
  /// Odds that an answer crawls at slow_bytes_per_second (> 0 where the odds are).
  double slow_odds = 0;
  double slow_bytes_per_second = 0;

  /// Rate of all connections together, shared fairly: nobody gets more than his own rate, and what
  /// the slow leave the others share. Bytes a second; 0 is no limit.
  double link_bytes_per_second = 0;

  /// Both rates are multiplied by 1 + amplitude * sin(2 pi t / period + phase(seed)), t since the
  /// server's start. Amplitude in [0, 0.9]; period in seconds, > 0.
  double drift_amplitude = 0;
  double drift_period_seconds = 60;

  /// Odds of answering a GET of an object with 503 SlowDown or 500 InternalError.
  double slow_down_odds = 0;
  double internal_error_odds = 0;
  /// Odds that the body breaks at a uniformly drawn byte: by a reset, by an early orderly end, or
  /// by a pause of stall_seconds (0: for ever).
  double reset_odds = 0;
  double truncate_odds = 0;
  double stall_odds = 0;
  double stall_seconds = 0;

  /// What whoever prints a gain measured on this profile has to say beside it.
  std::string remark() const;
};

/// Throws InvalidArgument naming field, value and bound.
void validate(const Profile& profile);

/// The profiles that are compiled in.
const std::vector<Profile>& builtin_profiles();

/// A built-in profile by name. Throws InvalidArgument that lists the names.
Profile find_profile(std::string_view name);

/// A built-in profile's name, or the path of a JSON file (anything with a '/' or ending in
/// ".json"). Throws like find_profile, read_file and profile_from_json.
Profile load_profile(std::string_view name_or_path);

/// An object with the struct's field names. "base": NAME starts from a built-in profile, and fields
/// left out keep its values (or the struct's defaults). Validated; throws InvalidArgument for an
/// unknown field.
Profile profile_from_json(const Json& json);
Json to_json(const Profile& profile);

}  // namespace skipjack::s3sim
