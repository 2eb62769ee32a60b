#include "skipjack/schedule/median_stopping.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include "skipjack/base/invalid.h"
#include "skipjack/schedule/resource.h"
#include "skipjack/schedule/rungs.h"

namespace skipjack {
namespace {

/// Over the finite ones.
struct Mean {
  std::int64_t number = 0;
  double sum = 0;
};

class MedianStopping final : public Scheduler {
 public:
  explicit MedianStopping(MedianStoppingOptions options)
      : options_(std::move(options)), log_(options_.resource_attr, {options_.metric}) {
    if (!options_.inner)
      invalid("inner = null: median stopping needs a scheduler to stop trials of");
    if (options_.grace_time < 1)
      invalid("grace_time = " + std::to_string(options_.grace_time) + " must be >= 1");
    if (options_.grace_population < 1)
      invalid("grace_population = " + std::to_string(options_.grace_population) + " must be >= 1");
    if (!(options_.rank_cutoff > 0 && options_.rank_cutoff < 1))
      invalid("rank_cutoff = " + shortest_decimal(options_.rank_cutoff) + " must be in (0, 1)");
  }

  void apply(const Event& event, const History& history) override {
    if (const auto* reported = std::get_if<Reported>(&event.body)) {
      take(*reported, history);
    } else if (const auto* stop = std::get_if<StopOrdered>(&event.body)) {
      to_stop_.erase(stop->trial);
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      if (ended->end.outcome != Outcome::Lost) to_stop_.erase(ended->id.trial);
    }
    options_.inner->apply(event, history);
  }

  double checkpoint_worth(const Trial& trial) const override {
    return options_.inner->checkpoint_worth(trial);
  }

  std::optional<double> expected_of(TrialId trial) const override {
    return options_.inner->expected_of(trial);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    log_.require_sense();
    std::vector<Command> commands;
    for (const auto& [trial, reason] : to_stop_)
      commands.push_back(Stop{.trial = trial, .reason = reason});
    for (Command& command : options_.inner->decide(view)) commands.push_back(std::move(command));
    return commands;
  }

 private:
  void take(const Reported& reported, const History& history) {
    const auto step = log_.take(reported, history);
    // What comes with the report that it is stopped for is as if it had not run on.
    if (!step || to_stop_.contains(reported.id.trial)) return;
    const double value = rated(reported.id.trial, *score_of(reported.metrics, options_.metric));
    SplitOrder& values = levels_[step->to];
    values.add(value);
    // More than the cut-off's part is smaller exactly if the (k + 1)-th smallest is.
    const auto number = static_cast<double>(values.size());
    const auto k = static_cast<std::size_t>(options_.rank_cutoff * number);
    values.set_num_lower(std::min(k + 1, values.size()));
    if (step->to < options_.grace_time || number < static_cast<double>(options_.grace_population))
      return;
    if (values.largest_lower() < value)
      to_stop_[reported.id.trial] =
          "in the worse part at " + options_.resource_attr + " = " + std::to_string(step->to);
  }

  double rated(TrialId trial, double score) {
    if (options_.median_of == MedianOf::Values || !std::isfinite(score)) return score;
    Mean& mean = means_[trial];
    ++mean.number, mean.sum += score;
    return mean.sum / static_cast<double>(mean.number);
  }

  MedianStoppingOptions options_;
  ResourceLog log_;
  std::unordered_map<TrialId, Mean> means_;
  /// What trials had, by level; looked up only.
  std::unordered_map<std::int64_t, SplitOrder> levels_;
  /// With the reason; until the order is given.
  std::map<TrialId, std::string> to_stop_;
};

}  // namespace

std::unique_ptr<Scheduler> make_median_stopping(MedianStoppingOptions options) {
  return std::make_unique<MedianStopping>(std::move(options));
}

}  // namespace skipjack
