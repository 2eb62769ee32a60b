#include "skipjack/schedule/first_looks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include "skipjack/base/invalid.h"

namespace skipjack {
namespace {

// How looks and the start that follows them are told from others in the events.
constexpr std::string_view kReason = "only looked at, to begin with";
constexpr std::string_view kAgain = "again";

class FirstLooks final : public Scheduler {
 public:
  explicit FirstLooks(FirstLooksOptions options)
      : options_(std::move(options)), log_(options_.progress, options_.metric) {
    if (!options_.inner) invalid("inner = null: looks need a scheduler that starts trials");
    if (options_.num_looks < 0)
      invalid("num_looks = " + std::to_string(options_.num_looks) + " must be >= 0");
    if (!(options_.most_budget > 0 && options_.most_budget <= 1))
      invalid("most_budget = " + shortest_decimal(options_.most_budget) + " must be in (0, 1]");
  }

  void apply(const Event& event, const History& history) override {
    if (const auto* reported = std::get_if<Reported>(&event.body)) {
      log_.take(*reported, history);
    } else if (const auto* stop = std::get_if<StopOrdered>(&event.body)) {
      const auto projection = log_.projection(stop->trial);
      if (stop->reason == kReason && projection) {
        looks_[stop->trial] = *projection;
        ++num_looked_;
      }
      // Its attempt was lost: no end will follow.
      const Trial& trial = *history.find(stop->trial);
      if (!trial.ending && trial.status == TrialStatus::Stopped) take_end(trial);
    } else if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
      if (const Json* look = started->tag.find(kAgain)) {
        again_ = started->trial;
        look_again_ = look->as_int();
        return;
      }
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      take_end(*history.find(ended->id.trial));
    }
    options_.inner->apply(event, history);
  }

  double checkpoint_worth(const Trial& trial) const override {
    return options_.inner->checkpoint_worth(trial);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    if (is_over_) return options_.inner->decide(view);
    log_.require_sense();
    std::vector<Command> commands;
    const bool may_look = !again_ && num_looked_ < options_.num_looks &&
                          view.remaining_fraction.value_or(1.0) >= 1 - options_.most_budget;
    if (may_look) look(view.history, commands);
    SchedulerView left = view;
    if (!may_look && is_start_due(view)) {
      commands.push_back(start_again(view.history));
      --left.free_workers;
    }
    for (Command& command : options_.inner->decide(left)) {
      // A small space is used up by looks alone.
      if (std::holds_alternative<Finished>(command) && may_look && is_start_due(view))
        commands.push_back(start_again(view.history));
      else
        commands.push_back(std::move(command));
    }
    return commands;
  }

 private:
  void take_end(const Trial& trial) {
    log_.end(trial);
    if (trial.status == TrialStatus::Completed) is_over_ = true;
    if (trial.id == again_ && trial.status != TrialStatus::Running) {
      looks_.erase(look_again_);
      again_.reset();
    }
  }

  void look(const History& history, std::vector<Command>& commands) const {
    std::int64_t left = options_.num_looks - num_looked_;
    for (const TrialId id : history.running()) {
      const auto projection = log_.projection(id);
      if (!projection || history.find(id)->ending) continue;
      if (left-- == 0) return;
      commands.push_back(
          Stop{.trial = id, .reason = std::string(kReason), .bound = std::exp(*projection)});
    }
  }

  bool is_start_due(const SchedulerView& view) const {
    return !again_ && !looks_.empty() && view.free_workers > 0;
  }

  TrialId best_look() const {
    const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
    return std::min_element(looks_.begin(), looks_.end(), less)->first;
  }

  Start start_again(const History& history) const {
    const TrialId best = best_look();
    Start start{.configuration = history.find(best)->configuration};
    start.tag = Json::Object{{std::string(kAgain), best}};
    return start;
  }

  FirstLooksOptions options_;
  ProgressLog log_;
  /// Logarithms of the times that reports projected.
  std::map<TrialId, double> looks_;
  std::int64_t num_looked_ = 0;
  /// The start that follows looks, while it runs, and the look that it repeats.
  std::optional<TrialId> again_;
  TrialId look_again_ = 0;
  /// A trial has completed.
  bool is_over_ = false;
};

}  // namespace

std::unique_ptr<Scheduler> make_first_looks(FirstLooksOptions options) {
  return std::make_unique<FirstLooks>(std::move(options));
}

}  // namespace skipjack
