#include "skipjack/schedule/sync_hyperband.h"

#include <map>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/schedule/level_watch.h"
#include "skipjack/schedule/sync_bracket.h"

namespace skipjack {
namespace {

std::vector<std::vector<SyncRung>> make_ladders(const SyncHyperbandOptions& options) {
  const std::vector<std::int64_t> levels = sync_levels(options.resource);
  const auto most = static_cast<std::int64_t>(levels.size());
  const std::int64_t brackets = options.brackets.value_or(most);
  if (brackets < 1 || brackets > most)
    throw Error(ErrorCode::InvalidArgument, "brackets = " + std::to_string(brackets) +
                                                " must be in [1, " + std::to_string(most) +
                                                "], the number of levels");
  return sync_ladders(levels, options.resource.reduction_factor,
                      static_cast<std::size_t>(brackets));
}

class SyncHyperband final : public Scheduler {
 public:
  explicit SyncHyperband(SyncHyperbandOptions options)
      : options_(std::move(options)),
        watch_(options_.resource, options_.metric),
        ladders_(make_ladders(options_)) {
    if (!options_.searcher)
      throw Error(ErrorCode::InvalidArgument,
                  "searcher = null: synchronous Hyperband needs a searcher");
  }

  void apply(const Event& event, const History& history) override {
    if (const auto* fitted = std::get_if<ModelFitted>(&event.body))
      options_.searcher->restore(fitted->parameters);
    if (std::holds_alternative<TrialStarted>(event.body)) begin();
    if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) resume(resumed->id.trial);
    if (const auto result = watch_.apply(event, history)) take(*result);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    std::vector<Command> commands = watch_.decide(view.history);
    if (view.free_workers > 0) commands.push_back(next(view));
    return commands;
  }

 private:
  /// The bracket that a new trial belongs to; one behind the last if none has an open place.
  std::size_t open_bracket() const {
    for (const auto& [number, bracket] : active_)
      if (bracket.is_open()) return number;
    return num_brackets_;
  }

  void begin() {
    const std::size_t number = open_bracket();
    if (number == num_brackets_) {
      ++num_brackets_;
      active_.emplace(number, SyncBracket(ladders_[number % ladders_.size()], Advance::Promote));
    }
    SyncBracket& bracket = active_.at(number);
    const auto trial = static_cast<TrialId>(bracket_of_.size());
    bracket.start(trial);
    bracket_of_.push_back(number);
    watch_.expect(trial, bracket.level());
  }

  void resume(TrialId trial) {
    const auto at = active_.find(bracket_of_[static_cast<std::size_t>(trial)]);
    if (at == active_.end() || at->second.is_running(trial)) return;  // its attempt was lost
    SyncBracket& bracket = at->second;
    // Resumed before the rung had its full number: the searcher was exhausted.
    if (!bracket.is_waiting(trial)) bracket.close();
    if (!bracket.is_waiting(trial)) return;
    bracket.resume(trial);
    watch_.expect(trial, bracket.level());
  }

  void take(const LevelWatch::Result& result) {
    const auto at = active_.find(bracket_of_[static_cast<std::size_t>(result.trial)]);
    if (at == active_.end()) return;
    SyncBracket& bracket = at->second;
    if (result.loss)
      bracket.finish(result.trial, *result.loss);
    else
      bracket.fail(result.trial);
    settle_ended(bracket);
    if (bracket.is_done()) active_.erase(at);
  }

  /// Promoted trials that ended by themselves have nothing more to show.
  void settle_ended(SyncBracket& bracket) {
    std::vector<std::pair<TrialId, double>> ended;
    do {
      ended.clear();
      if (bracket.is_done()) return;
      for (const SyncBracket::Place& place : bracket.places(bracket.rung()))
        if (const auto loss = watch_.final_loss(place.trial);
            loss && bracket.is_waiting(place.trial))
          ended.emplace_back(place.trial, *loss);
      for (const auto& [trial, loss] : ended) bracket.finish(trial, loss);
    } while (!ended.empty());
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
      if (const auto trial = closed.waiting(); trial && watch_.is_at_rest(*trial))
        return Resume{.trial = *trial, .max_resource = closed.level()};
    }
    if (watch_.num_running() > 0) return Wait{};
    return command;
  }

  Command start(const SchedulerView& view, std::size_t number) {
    const std::vector<SyncRung>& ladder = ladders_[number % ladders_.size()];
    Start start{.max_resource = ladder.front().level};
    start.tag.set("bracket", static_cast<std::int64_t>(number));
    if (bracket_of_.size() < options_.points_to_evaluate.size()) {
      start.configuration = options_.points_to_evaluate[bracket_of_.size()];
      return start;
    }
    Suggestion suggestion = options_.searcher->suggest(
        view.history, {.resource = ladder.front().level,
                       .bracket = static_cast<int>(number % ladders_.size()),
                       .remaining_fraction = view.remaining_fraction});
    if (std::holds_alternative<Exhausted>(suggestion))
      return Finished{.reason = "search space exhausted"};
    auto* proposal = std::get_if<Proposal>(&suggestion);
    if (!proposal) return Wait{};
    start.configuration = std::move(proposal->configuration);
    start.fitted = std::move(proposal->fitted);
    return start;
  }

  SyncHyperbandOptions options_;
  LevelWatch watch_;
  std::vector<std::vector<SyncRung>> ladders_;
  /// By number; those that are done are gone.
  std::map<std::size_t, SyncBracket> active_;
  std::size_t num_brackets_ = 0;
  std::vector<std::size_t> bracket_of_;
};

}  // namespace

std::vector<std::int64_t> sync_levels(const ResourceOptions& options) {
  const std::vector<std::int64_t> asked = rung_levels(options);
  if (options.rung_levels.empty())
    return sync_levels(options.grace_period, options.max_t, options.reduction_factor);
  std::vector<std::int64_t> levels = asked;
  levels.push_back(options.max_t);
  return levels;
}

std::unique_ptr<Scheduler> make_sync_hyperband(SyncHyperbandOptions options) {
  return std::make_unique<SyncHyperband>(std::move(options));
}

}  // namespace skipjack
