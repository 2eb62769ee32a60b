// How a tuning stands, in one small file that its one writer renames into place once a second: what
// may be read from any host that sees the folder, where a database may not (its locks and its
// shared memory hold on one host only). It says what people want to know of a tuning that runs; the
// journal is the truth.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "skipjack/base/log.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack {

struct Snapshot {
  std::string name;
  /// Who writes it.
  std::string host;
  int pid = 0;
  /// When it was written, by the writer's clock.
  double unix_time = 0;
  /// Running time of the experiment.
  Duration time{0};
  /// Unset while it runs; then as TuningResult::reason, or "failed".
  std::optional<std::string> ended;
  /// Set once no new trial will start.
  std::string ending;
  std::int64_t num_trials = 0, num_completed = 0, num_stopped = 0, num_failed = 0, num_paused = 0;
  /// Attempts that run, and that wait in a cluster's queue.
  std::int64_t num_running = 0, num_queued = 0;
  std::int64_t num_reports = 0;
  /// See BestOf.
  struct Best {
    TrialId trial = 0;
    std::string metric;
    double value = 0;
    Configuration configuration;
  };
  std::optional<Best> best;
};

/// What a snapshot names as the best so far.
using BestOf = std::function<std::optional<Snapshot::Best>(const History&)>;
/// The best single value of the first objective, of trials that satisfy the constraints.
BestOf best_single_value(std::vector<Metric> metrics);

Json to_json(const Snapshot& snapshot);
/// Throws Corrupted.
Snapshot snapshot_from_json(const Json& json);

/// Of the experiment kept in folder; nullopt if it has none (yet). Throws Corrupted, Io.
std::optional<Snapshot> read_snapshot(const std::filesystem::path& folder);

/// Not thread-safe. A snapshot that can't be written is logged once, and the tuning goes on.
class SnapshotWriter {
 public:
  SnapshotWriter(std::filesystem::path folder, BestOf best, const TunerOptions& options);
  /// Writes if a second has passed, and twenty times what the last one took: O(trials). By the
  /// world's time, also where a simulation has its own.
  void on_turn(const Turn& turn);
  /// last: the state that it ended with; unset: that of the last turn.
  void end(const std::string& reason, const std::optional<Turn>& last);

 private:
  void take(const Turn& turn);
  void write();

  const std::filesystem::path folder_;
  const BestOf best_of_;
  const Clock& clock_;
  const LogSink log_;
  Snapshot snapshot_;
  std::optional<std::chrono::steady_clock::time_point> next_;
  bool has_failed_ = false;
};

}  // namespace skipjack
