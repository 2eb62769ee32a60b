// The end of an S3 tuning: a table of who took how long in the head-to-head, by how much the winner
// is ahead and how sure that is, and the configuration to use. Computed from definition and history
// alone, so any experiment can be shown again. The rule that names the answer was fixed before the
// data: the leader of the search replaces the untuned client only if its gain over it, on fresh
// data, is beyond luck.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/s3tune/head_to_head.h"
#include "skipjack/s3tune/verdict.h"
#include "skipjack/study/tuning.h"

namespace skipjack::s3tune {

struct VerdictRow {
  /// "boto3", "boto3-values", "auto", "winner"; a client's name for its defaults.
  std::string name;
  /// For people.
  std::string label;
  TimingSummary seconds;
  double bytes_per_second = 0;
  /// Means over the blocks.
  double cpu_seconds = 0;
  double peak_memory_bytes = 0;
  /// Over the first row; unset for the first itself and with fewer than 2 blocks.
  std::optional<Gain> gain;
  /// The parameters as its client was given them; what is null or missing was left to it.
  Json configuration;
};

/// Of a tuning over many machines: those of one kind.
struct VerdictKind {
  std::string kind;
  /// That any trial ran on.
  std::vector<std::string> nodes;
  int complete_blocks = 0;
  /// As S3Verdict::tuning_gain, of these blocks.
  std::optional<Gain> tuning_gain;
};

struct S3Verdict {
  std::vector<VerdictRow> rows;
  int planned_blocks = 0;
  int complete_blocks = 0;
  /// Name of the row to use: "winner", or the untuned client of the same kind.
  std::string answer;
  /// Of the winner over its client untuned ("auto" for native, else the client): what tuning
  /// brought. Unset without a winner or blocks.
  std::optional<Gain> tuning_gain;
  /// Whether it is claimed (claims_gain). The answer is "winner" exactly then.
  bool tuning_claimed = false;
  /// Of the answer over the first row.
  std::optional<Gain> gain;
  bool gain_claimed = false;
  /// Trials of the search, and those of them that failed.
  int search_trials = 0;
  int failed_trials = 0;
  /// Drift that was found and corrected during the search.
  bool drift_corrected = false;
  /// Standard deviation of the logarithm of one download; unset where nothing was repeated.
  std::optional<double> noise;
  std::int64_t bytes_downloaded = 0;
  /// Of a tuning over many machines: the kind with the most complete blocks first. Rows, gains and
  /// complete_blocks are of that one alone. Empty for a tuning on one machine.
  std::vector<VerdictKind> kinds;
};

S3Verdict s3_verdict(const TuningDefinition& definition, const History& history);

/// The table and the sentences under it, for people; lines of at most 110 characters or so.
std::string to_text(const S3Verdict& verdict, const TuningDefinition& definition);
Json to_json(const S3Verdict& verdict);

/// The answer as the file that the client's user is handed (Client::ready): for the native client
/// what `skipjack s3 get --config` takes, {} where everything is left to the engine; for others
/// empty unless the tuned values are the answer.
std::string ready_configuration(const S3Verdict& verdict, const TuningDefinition& definition);

}  // namespace skipjack::s3tune
