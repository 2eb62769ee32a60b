#include "skipjack/schedule/sync_scheduler.h"

#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/schedule/level_watch.h"

namespace skipjack {
namespace {

constexpr int kMostPlaces = 1'000'000;

class SyncScheduler final : public Scheduler {
 public:
  explicit SyncScheduler(SyncSchedulerOptions options)
      : options_(std::move(options)), watch_(options_.resource, options_.metric) {}

  void apply(const Event& event, const History& history) override {
    if (const auto* fitted = std::get_if<ModelFitted>(&event.body))
      options_.proposer->restore(fitted->parameters);
    if (const auto* started = std::get_if<TrialStarted>(&event.body))
      begin(*history.find(started->trial));
    if (const auto* resumed = std::get_if<TrialResumed>(&event.body))
      resume(*history.find(resumed->id.trial), history);
    if (const auto result = watch_.apply(event, history))
      take(*result, history);
    else if (const auto* report = std::get_if<Reported>(&event.body))
      take_more(report->id.trial, history);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    std::vector<Command> commands = watch_.decide(view.history);
    if (view.free_workers > 0) commands.push_back(next(view));
    return commands;
  }

 private:
  using Brackets = std::map<std::size_t, SyncBracket>;

  /// The bracket that a new trial belongs to; one behind the last if none has an open place.
  std::size_t open_bracket() const {
    for (const auto& [number, bracket] : active_)
      if (bracket.is_open()) return number;
    return num_brackets_;
  }

  SyncPlace place_in(std::size_t number, const SyncBracket& bracket) const {
    return {.bracket = number,
            .rung = bracket.rung(),
            .ladder_rung = {.level = bracket.level(), .size = bracket.size()}};
  }
  SyncBracket new_bracket() const {
    return {options_.ladders[num_brackets_ % options_.ladders.size()],
            options_.advance(num_brackets_)};
  }

  void begin(const Trial& trial) {
    const std::size_t number = open_bracket();
    if (number == num_brackets_) {
      active_.emplace(number, new_bracket());
      ++num_brackets_;
    }
    SyncBracket& bracket = active_.at(number);
    bracket_of_.push_back(number);
    bracket.start(trial.id);
    watch_.expect(trial.id, bracket.level());
    options_.proposer->begin(trial, place_in(number, bracket));
  }

  void resume(const Trial& trial, const History& history) {
    const std::size_t number = bracket_of_[static_cast<std::size_t>(trial.id)];
    const auto at = active_.find(number);
    if (at == active_.end() || at->second.is_running(trial.id)) return;  // its attempt was lost
    SyncBracket& bracket = at->second;
    if (!bracket.is_waiting(trial.id)) {
      // Resumed before the rung had its full number: the searcher was exhausted.
      bracket.close();
      settle_known(at, history);
    }
    if (!active_.contains(number) || !bracket.is_waiting(trial.id)) return;
    bracket.resume(trial.id);
    watch_.expect(trial.id, bracket.level());
    options_.proposer->begin(trial, place_in(number, bracket));
  }

  void take(const LevelWatch::Result& result, const History& history) {
    options_.proposer->finish(result.trial, result.loss);
    const auto at = active_.find(bracket_of_[static_cast<std::size_t>(result.trial)]);
    if (at == active_.end()) return;
    SyncBracket& bracket = at->second;
    if (result.loss)
      bracket.finish(result.trial, *result.loss);
    else
      bracket.fail(result.trial);
    settle_known(at, history);
  }

  /// Of a trial that gave its result, which may have promoted it, and has not been told to end yet.
  void take_more(TrialId trial, const History& history) {
    const auto at = active_.find(bracket_of_[static_cast<std::size_t>(trial)]);
    if (at != active_.end() && at->second.is_waiting(trial)) settle_known(at, history);
  }

  /// Promoted trials whose result at the next level is known need not run for it. tell(trial, loss)
  /// comes before the bracket knows.
  template <class Tell>
  void settle_known(SyncBracket& bracket, const Tell& tell) const {
    std::vector<std::pair<TrialId, double>> known;
    do {
      known.clear();
      if (bracket.is_done()) return;
      for (const SyncBracket::Place& place : bracket.places(bracket.rung()))
        if (const auto loss = watch_.loss_at(place.trial, bracket.level());
            loss && bracket.is_waiting(place.trial))
          known.emplace_back(place.trial, *loss);
      for (const auto& [trial, loss] : known) {
        tell(trial, loss);
        bracket.finish(trial, loss);
      }
    } while (!known.empty());
  }

  void settle_known(Brackets::iterator at, const History& history) {
    SyncBracket& bracket = at->second;
    settle_known(bracket, [&](TrialId trial, double loss) {
      options_.proposer->begin(*history.find(trial), place_in(at->first, bracket));
      options_.proposer->finish(trial, loss);
    });
    if (bracket.is_done()) active_.erase(at);
  }

  Command next(const SchedulerView& view) {
    const std::size_t open = open_bracket();
    for (const auto& [number, bracket] : active_) {
      if (number > open) break;
      if (const auto trial = bracket.waiting(); trial && watch_.is_at_rest(*trial))
        return Resume{.trial = *trial, .max_resource = bracket.level()};
    }
    Command command = start(view, open);
    if (std::holds_alternative<Start>(command)) return command;
    for (const auto& [number, bracket] : active_)
      if (const auto trial = bracket.waiting(); trial && watch_.is_at_rest(*trial))
        return Resume{.trial = *trial, .max_resource = bracket.level()};
    if (std::holds_alternative<Wait>(command)) return command;
    for (const auto& [number, bracket] : active_) {
      SyncBracket closed = bracket;
      closed.close();
      settle_known(closed, [](TrialId, double) {});
      if (const auto trial = closed.waiting(); trial && watch_.is_at_rest(*trial))
        return Resume{.trial = *trial, .max_resource = closed.level()};
    }
    if (watch_.num_running() > 0) return Wait{};
    return command;
  }

  Command start(const SchedulerView& view, std::size_t number) {
    if (view.starts_full) return Finished{};
    const auto open = active_.find(number);
    const SyncPlace place =
        open != active_.end() ? place_in(number, open->second) : place_in(number, new_bracket());
    Suggestion suggestion = options_.proposer->propose(view, place);
    if (std::holds_alternative<Exhausted>(suggestion))
      return Finished{.reason = "search space exhausted"};
    auto* proposal = std::get_if<Proposal>(&suggestion);
    if (!proposal) return Wait{};
    Start start{.configuration = std::move(proposal->configuration),
                .max_resource = place.ladder_rung.level,
                .fitted = std::move(proposal->fitted)};
    start.tag.set("bracket", static_cast<std::int64_t>(number));
    return start;
  }

  SyncSchedulerOptions options_;
  LevelWatch watch_;
  /// By number; those that are done are gone.
  Brackets active_;
  std::size_t num_brackets_ = 0;
  std::vector<std::size_t> bracket_of_;
};

}  // namespace

std::vector<std::int64_t> sync_levels(const ResourceOptions& options) {
  const std::vector<std::int64_t> asked = rung_levels(options);
  if (options.rung_levels.empty() && !options.rung_increment)
    return sync_levels(options.grace_period, options.max_t, options.reduction_factor);
  std::vector<std::int64_t> levels = asked;
  levels.push_back(options.max_t);
  return levels;
}

std::vector<std::vector<SyncRung>> sync_ladders(const ResourceOptions& options,
                                                std::optional<std::int64_t> brackets) {
  const std::vector<std::int64_t> levels = sync_levels(options);
  const auto most = static_cast<std::int64_t>(levels.size());
  const std::int64_t number = brackets.value_or(most);
  if (number < 1 || number > most)
    throw Error(ErrorCode::InvalidArgument, "brackets = " + std::to_string(number) +
                                                " must be in [1, " + std::to_string(most) +
                                                "], the number of levels");
  // Of the first bracket's first rung, the largest of all.
  if (std::pow(options.reduction_factor, static_cast<double>(most - 1)) > kMostPlaces)
    throw Error(ErrorCode::InvalidArgument,
                "a bracket of " + std::to_string(most) + " levels would begin with more than " +
                    std::to_string(kMostPlaces) + " trials, reduction_factor^(levels - 1)",
                "give fewer levels, or a larger grace_period");
  return sync_ladders(levels, options.reduction_factor, static_cast<std::size_t>(number));
}

std::unique_ptr<Scheduler> make_sync_scheduler(SyncSchedulerOptions options) {
  return std::make_unique<SyncScheduler>(std::move(options));
}

}  // namespace skipjack
