#include "skipjack/s3tune/method_search.h"

#include <utility>

#include "skipjack/method/method.h"
#include "skipjack/search/recommend.h"

namespace skipjack::s3tune {
namespace {

std::unique_ptr<Scheduler> make_method(const S3SchedulerOptions& options) {
  validate(options);
  std::vector<Configuration> points = {options.baseline_point};
  for (const Configuration& point : options.start)
    if (options.space.key(point) != options.space.key(options.baseline_point))
      points.push_back(point);
  return make_scheduler(options.method,
                        {.space = options.space,
                         .metrics = {download_time_metric()},
                         .seed = options.seed,
                         .points_to_evaluate = std::move(points),
                         .sources = options.sources,
                         .options = Json(Json::Object{{std::string(kCapOption), false}})});
}

/// Where an event names its trial; nullptr for those that are not of one that runs.
TrialId* trial_in(EventBody& body) {
  if (auto* e = std::get_if<Reported>(&body)) return &e->id.trial;
  if (auto* e = std::get_if<AttemptEnded>(&body)) return &e->id.trial;
  if (auto* e = std::get_if<TrialResumed>(&body)) return &e->id.trial;
  if (auto* e = std::get_if<StopOrdered>(&body)) return &e->trial;
  return nullptr;
}

}  // namespace

MethodSearch::MethodSearch(const S3SchedulerOptions& options)
    : space_(options.space),
      baseline_point_(options.baseline_point),
      method_(make_method(options)) {}

void MethodSearch::tell(const Event& event, EventBody body) {
  const Event own{history_.num_events(), event.time, event.unix_time, std::move(body)};
  history_.apply(own);
  method_->apply(own, history_);
}

void MethodSearch::begin(const Event& event, TrialStarted trial) {
  const auto number = static_cast<TrialId>(trials_.size());
  numbers_[trial.trial] = number;
  trials_.push_back(trial.trial);
  trial.trial = number;
  if (number == 0) trial.configuration = baseline_point_;
  tell(event, std::move(trial));
}

void MethodSearch::pass_on(const Event& event, EventBody body) {
  if (TrialId* trial = trial_in(body)) {
    const auto number = numbers_.find(*trial);
    if (number == numbers_.end()) return;
    *trial = number->second;
  } else if (!std::holds_alternative<ModelFitted>(body)) {
    return;
  }
  tell(event, std::move(body));
}

void MethodSearch::show_end(const Trial& trial, TrialId number, const Belief& belief) {
  const auto add = [&](EventBody body) {
    shown_.apply(Event{shown_.num_events(), *trial.ended, 0, std::move(body)});
  };
  AttemptEnd end = trial.end.value_or(AttemptEnd{});
  // Whatever became of its attempt, which may have been lost before.
  if (trial.status == TrialStatus::Stopped) end.outcome = Outcome::Stopped;
  if (belief.value) {
    Json metrics;
    metrics.set(kMeanDownloadTime, *belief.value);
    add(Reported{{number, 0}, std::move(metrics)});
    end.outcome = Outcome::Completed;
  } else if (belief.bound) {
    add(StopOrdered{.trial = number, .bound = belief.bound});
  }
  add(AttemptEnded{{number, 0}, std::move(end)});
}

bool MethodSearch::show(const History& history, const Believe& believe) {
  for (std::size_t i = 0; i < trials_.size(); ++i) {
    const Trial& trial = *history.find(trials_[i]);
    if (i == shown_beliefs_.size()) {
      const Trial& own = history_.trials()[i];
      shown_.apply(
          Event{shown_.num_events(), trial.started, 0,
                TrialStarted{.trial = own.id, .configuration = own.configuration, .tag = own.tag}});
      shown_beliefs_.emplace_back();
    }
    const auto number = static_cast<TrialId>(i);
    std::optional<Belief>& shown = shown_beliefs_[i];
    if (!has_ended(trial)) {
      if (shown) return false;
      continue;
    }
    const Belief belief = believe(trial);
    if (shown == belief) continue;
    if (!shown)
      show_end(trial, number, belief);
    else if (shown->value && belief.value)
      shown_.restate(number, kMeanDownloadTime, *belief.value);
    else
      return false;
    shown = belief;
  }
  return true;
}

const History& MethodSearch::believed(const History& history, const Believe& believe) {
  if (show(history, believe)) return shown_;
  shown_ = {};
  shown_beliefs_.clear();
  show(history, believe);
  return shown_;
}

std::optional<Command> MethodSearch::ask(const SchedulerView& view, const Believe& believe,
                                         std::optional<double> remaining_fraction) {
  if (exhausted_) return std::nullopt;
  const History& shown = believed(view.history, believe);
  std::vector<Command> commands = method_->decide({.history = shown,
                                                   .now = view.now,
                                                   .free_workers = 1,
                                                   .remaining_fraction = remaining_fraction});
  if (commands.empty()) return Wait{};
  exhausted_ = std::holds_alternative<Finished>(commands.front());
  if (exhausted_) return std::nullopt;
  return std::move(commands.front());
}

Json MethodSearch::leader(const History& history, const Believe& believe) {
  const auto recommended = recommend(space_, believed(history, believe), download_time_metric());
  if (!recommended || space_.key(recommended->configuration) == space_.key(baseline_point_))
    return Json();
  Json winner;
  for (const auto& [name, domain] : space_.searched())
    if (const Json* value = recommended->configuration.find(name)) winner.set(name, *value);
  return winner;
}

}  // namespace skipjack::s3tune
