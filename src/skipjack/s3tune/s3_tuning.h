// An S3 tuning as an experiment: from what the user asked for and what the server says of the
// object to a TuningDefinition, and from that, as it lies in the journal, back to the scheduler.
// Also what has to be known before anything starts: what it will cost, and whether disk and memory
// will do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/s3/client.h"
#include "skipjack/s3tune/boto3_client.h"
#include "skipjack/s3tune/client.h"
#include "skipjack/s3tune/measure.h"
#include "skipjack/s3tune/s3_scheduler.h"
#include "skipjack/s3tune/source.h"
#include "skipjack/s3tune/transfer_space.h"
#include "skipjack/study/tuning.h"

namespace skipjack::s3tune {

/// Value of the key "kind" in TuningDefinition::extra.
inline constexpr std::string_view kS3TuningKind = "s3-download";
bool is_s3_tuning(const TuningDefinition& definition);
/// An S3 tuning over the nodes of a cluster (cluster_scheduler.h).
bool is_cluster_tuning(const TuningDefinition& definition);
/// Name of the row that is the baseline.
std::string baseline_arm_of(const TuningDefinition& definition);
/// An S3 tuning that was started with keys for one run only.
bool needs_keys_again(const TuningDefinition& definition);

struct S3TuningOptions {
  MeasurementTarget target;
  /// Whose parameters are tuned: a name of client.h.
  std::string client = "native";
  std::string method = "bayesopt";
  std::uint64_t seed = 42;
  /// Downloads of a search trial. Range [1, 1000].
  int repeats = 3;
  StartPoint start = StartPoint::Defaults;
  /// Of everything, the verdict included. At least one of max_time, max_trials and max_bytes must
  /// be set.
  std::optional<Duration> max_time;
  /// Trials of the search.
  std::optional<std::int64_t> max_trials;
  /// Bytes that all downloads together may take.
  std::optional<std::int64_t> max_bytes;
  /// Cores that the client may use, >= 1.
  int cores = 1;
  /// Set: trials are jobs of a Slurm cluster, one at a time on a node, which they have to
  /// themselves. The program must be there under the same path.
  std::optional<SlurmJob> slurm;
  /// Jobs at the same time. Range [1, 100000]; 1 unless slurm is set.
  int workers = 1;
  /// The keys were given for this run only: nothing keeps them, and a resume has to be given them
  /// again. They reach the trials through the environment, like all credentials.
  bool keys_given_for_this_run = false;
  /// The `skipjack` program, whose `s3 measure` is the trial.
  std::filesystem::path program;
  /// For the row that a tuning of the native client has beside its own; unset: it is left out.
  std::optional<Boto3> boto3;
  /// Must be set for every client but the native one.
  std::optional<ClientProgram> client_program;
  /// Of the simulator that the endpoint is, if it is one: its name, its remark and its own optimum
  /// in seconds.
  struct SimulatedProfile {
    std::string name;
    std::string remark;
    double ideal_seconds = 0;
  };
  std::optional<SimulatedProfile> profile;
};

/// Throws InvalidArgument for options out of range and for an empty object, Unsupported for a
/// destination that the client does not have.
TuningDefinition define_s3_tuning(const S3TuningOptions& options, const Source& source);
/// For RunOptions::make_scheduler; also when it is resumed.
std::unique_ptr<Scheduler> make_scheduler_of(const TuningDefinition& definition);

/// What a tuning may take at most, as far as it can be told beforehand.
struct CostEstimate {
  std::int64_t downloads = 0;
  std::int64_t bytes = 0;
  /// GETs, for parts of 8 MiB on average.
  std::int64_t requests = 0;
  /// Of the requests, at S3's price in us-east-1 ($0.0004 per 1000 GETs); traffic out of the region
  /// costs extra.
  double request_dollars = 0;
};
/// bytes_per_second: what one download was seen to reach.
CostEstimate estimate_cost(const S3TuningOptions& options, const Source& source,
                           double bytes_per_second);
/// One line for people.
std::string cost_sentence(const CostEstimate& estimate);

/// Of the folder and the memory of this host; nodes find out for themselves.
/// Throws Io if the folder can't take the object (naming folder, bytes free and bytes needed),
/// Exhausted if memory can't, NotFound and PermissionDenied for the folder, InvalidArgument if
/// max_bytes does not even allow the baseline.
void check_room(const S3TuningOptions& options, std::int64_t object_size);

/// One short download to see how fast it goes and whether the object may be read at all: the first
/// second of it, bytes dropped. Throws as s3::Client does. Returns bytes a second.
double probe_rate(const s3::ClientOptions& client, const s3::ObjectAddress& object);

}  // namespace skipjack::s3tune
