// What schedulers of synchronous brackets have in common: which bracket a free worker serves, who
// is resumed, paused and stopped. What they differ in is who proposes the new trials.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/schedule/resource.h"
#include "skipjack/schedule/scheduler.h"
#include "skipjack/schedule/sync_bracket.h"
#include "skipjack/search/searcher.h"

namespace skipjack {

/// The rung that a trial is measured at next.
struct SyncPlace {
  /// Counted over all brackets; number % ladders is the ladder.
  std::size_t bracket = 0;
  std::size_t rung = 0;
  SyncRung ladder_rung;
};

/// Not thread-safe. propose() is a function of the view and of what the others were told, which
/// come from events.
class SyncProposer {
 public:
  virtual ~SyncProposer() = default;
  /// A new trial for a place.
  virtual Suggestion propose(const SchedulerView& view, const SyncPlace& place) = 0;
  /// A trial, new or promoted, goes to a place.
  virtual void begin(const Trial& trial, const SyncPlace& place) = 0;
  /// Its result there; unset: it failed.
  virtual void finish(TrialId trial, std::optional<double> loss) = 0;
  /// See Searcher.
  virtual void restore(const Json& fitted) = 0;
};

struct SyncSchedulerOptions {
  std::unique_ptr<SyncProposer> proposer;
  Metric metric;
  ResourceOptions resource;
  /// Which take turns; not empty.
  std::vector<std::vector<SyncRung>> ladders;
  /// Of bracket number so and so.
  std::function<Advance(std::size_t bracket)> advance;
};

/// The levels of the brackets, ascending, with max_t at the end: what rung_levels or rung_increment
/// say and max_t, or sync_levels(grace_period, max_t, reduction_factor). Throws InvalidArgument as
/// rung_levels does.
std::vector<std::int64_t> sync_levels(const ResourceOptions& options);
/// Ladders of the first brackets; unset: of all. Throws InvalidArgument beside that if brackets is
/// not in [1, levels], and for ladders that begin with more than a million places.
std::vector<std::vector<SyncRung>> sync_ladders(const ResourceOptions& options,
                                                std::optional<std::int64_t> brackets);

std::unique_ptr<Scheduler> make_sync_scheduler(SyncSchedulerOptions options);

}  // namespace skipjack
