#include "skipjack/tuner/checkpoints.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "skipjack/base/error.h"

namespace skipjack {

void validate(const CheckpointOptions& options) {
  if (options.max_checkpoints && *options.max_checkpoints < 1)
    throw Error(ErrorCode::InvalidArgument,
                "max_checkpoints = " + std::to_string(*options.max_checkpoints) + " must be >= 1");
}

bool CheckpointKeeper::keeps_all() const {
  return !options_.delete_checkpoints && !options_.max_checkpoints;
}

void CheckpointKeeper::apply(const Event& event) {
  if (keeps_all()) return;
  if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    // What was lost runs again.
    if (ended->end.outcome == Outcome::Lost) return;
    held_[ended->id.trial] = event.number;
    changed_ = true;
  } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
    held_.erase(resumed->id.trial);
  } else if (const auto* removed = std::get_if<CheckpointRemoved>(&event.body)) {
    held_.erase(removed->trial);
  } else if (std::holds_alternative<StopOrdered>(event.body)) {
    changed_ = true;
  }
}

std::vector<TrialId> CheckpointKeeper::superfluous(const Scheduler& scheduler,
                                                   const History& history) {
  if (!changed_ || keeps_all()) return {};
  changed_ = false;
  const auto most = static_cast<std::size_t>(
      options_.max_checkpoints.value_or(static_cast<std::int64_t>(held_.size())));
  if (!options_.delete_checkpoints && held_.size() <= most) return {};
  std::vector<std::tuple<double, std::int64_t, TrialId>> worth;
  worth.reserve(held_.size());
  for (const auto& [trial, since] : held_)
    worth.emplace_back(scheduler.checkpoint_worth(*history.find(trial)), since, trial);
  std::sort(worth.begin(), worth.end());
  std::size_t num_removed = worth.size() - std::min(worth.size(), most);
  if (options_.delete_checkpoints)
    while (num_removed < worth.size() && std::get<0>(worth[num_removed]) <= 0) ++num_removed;
  std::vector<TrialId> removed;
  for (std::size_t i = 0; i < num_removed; ++i) removed.push_back(std::get<2>(worth[i]));
  return removed;
}

}  // namespace skipjack
