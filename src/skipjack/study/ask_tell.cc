// Every public call is one turn: deadlines that have passed, the caller's news, the scheduler's
// orders, then all of its events to the sink at once.
#include "skipjack/study/ask_tell.h"

#include <algorithm>
#include <cmath>

#include "skipjack/base/error.h"
#include "skipjack/method/method.h"

namespace skipjack {
namespace {

[[noreturn]] void invalid(const std::string& message, const std::string& try_this = {}) {
  throw Error(ErrorCode::InvalidArgument, message, try_this);
}

std::string trial_called(TrialId id) { return "trial " + std::to_string(id); }

Json metrics_of(const AskTell::Values& values) {
  Json metrics{Json::Object{}};
  for (const auto& [name, value] : values) {
    if (metrics.find(name) != nullptr) invalid("metric '" + name + "' is given twice");
    metrics.set(name, Json(value));
  }
  return metrics;
}

const Metric& first_objective(const std::vector<Metric>& metrics) {
  const auto objective = std::find_if(metrics.begin(), metrics.end(), [](const Metric& metric) {
    return metric.role == MetricRole::Objective;
  });
  if (objective == metrics.end())
    invalid("metrics holds no objective", "name one, such as {.metrics = {{\"loss\"}}}");
  return *objective;
}

bool is_feasible(const Trial& trial, const std::vector<Metric>& metrics) {
  return std::all_of(metrics.begin(), metrics.end(), [&](const Metric& metric) {
    if (metric.role != MetricRole::Constraint) return true;
    const auto value = last_value(trial, metric.name);
    return value && *value <= 0;
  });
}

std::vector<Configuration> first_points(const AskTellOptions& options) {
  if (options.points_to_evaluate) return *options.points_to_evaluate;
  const Configuration midpoint = options.space.midpoint();
  if (!options.space.satisfies_constraints(midpoint)) return {};
  return {midpoint};
}

}  // namespace

AskTell::AskTell(AskTellOptions options) : options_(std::move(options)) {
  (void)first_objective(options_.metrics);
  scheduler_ = make_scheduler(options_.method, {.space = options_.space,
                                                .metrics = options_.metrics,
                                                .seed = options_.seed,
                                                .points_to_evaluate = first_points(options_),
                                                .options = options_.method_options});
  for (const Event& event : options_.past) take(event);
  options_.past.clear();
  origin_ = options_.clock->now() - history_.time();
  emit(RunStarted{.run = history_.num_runs(), .environment = {}});
  flush();
}

AskedTrial AskTell::ask() {
  if (auto trial = try_ask()) return *std::move(trial);
  throw Error(ErrorCode::Exhausted, "method '" + options_.method + "' waits for results",
              "tell the values of open trials first");
}

std::optional<AskedTrial> AskTell::try_ask() {
  reach_deadlines();
  std::optional<AskedTrial> trial;
  if (!finished_) trial = decide(1);
  flush();
  if (!trial && finished_)
    throw Error(ErrorCode::Exhausted,
                "method '" + options_.method + "' has nothing more to ask: " + *finished_,
                "take best(), or search a larger space");
  return trial;
}

void AskTell::tell(TrialId trial, const Values& values) {
  const Trial& open = require_open(trial);
  Json metrics = metrics_of(values);
  AttemptEnd how{.outcome = Outcome::Completed};
  for (const Metric& metric : options_.metrics) {
    if (metric.role != MetricRole::Objective) continue;
    const Json* value = metrics.find(metric.name);
    if (value == nullptr)
      invalid("metric '" + metric.name + "' of " + trial_called(trial) + " is missing",
              "tell it, or call tell_failed");
    if (!std::isfinite(value->as_double()))
      how = {.outcome = Outcome::Failed,
             .reason = metric.name + " = " + to_python_text(*value) + " is not finite"};
  }
  reach_deadlines();
  emit(Reported{.id = {trial, open.attempt}, .metrics = std::move(metrics)});
  end(trial, std::move(how));
  (void)decide(0);
  flush();
}

void AskTell::tell_failed(TrialId trial, const std::string& reason) {
  (void)require_open(trial);
  reach_deadlines();
  end(trial, {.outcome = Outcome::Failed, .reason = reason});
  (void)decide(0);
  flush();
}

Advice AskTell::report(TrialId trial, const Values& values) {
  const Trial& open = require_open(trial);
  reach_deadlines();
  emit(Reported{.id = {trial, open.attempt}, .metrics = metrics_of(values)});
  if (!ordered_.contains(trial)) (void)decide(0);
  Advice advice = Advice::Continue;
  if (const auto order = ordered_.find(trial); order != ordered_.end()) {
    end(trial, AttemptEnd(order->second));
    (void)decide(0);
    advice = Advice::End;
  }
  flush();
  return advice;
}

std::optional<BestTrial> AskTell::best() const {
  const Metric& metric = first_objective(options_.metrics);
  const double sign = metric.mode == Mode::Min ? 1 : -1;
  std::optional<BestTrial> best;
  for (const Trial& trial : history_.trials()) {
    const auto observation = observe(trial, metric);
    if (!observation || !is_feasible(trial, options_.metrics)) continue;
    const auto* measured = std::get_if<Measured>(&*observation);
    if (measured != nullptr && (!best || sign * measured->value < sign * best->value))
      best = BestTrial{trial.id, trial.configuration, measured->value};
  }
  return best;
}

std::optional<Recommendation> AskTell::recommend() const {
  return skipjack::recommend(options_.space, history_, first_objective(options_.metrics));
}

bool AskTell::is_open(TrialId id) const {
  const Trial* trial = history_.find(id);
  return trial != nullptr && trial->status == TrialStatus::Running && !trial->end;
}

const Trial& AskTell::require_open(TrialId id) const {
  const Trial* trial = history_.find(id);
  if (trial == nullptr)
    invalid(trial_called(id) + " was never asked for", "use the id that ask() returned");
  if (!is_open(id))
    invalid(trial_called(id) + " is " + std::string(to_string(trial->status)) + ", not open",
            "tell each trial once");
  return *trial;
}

Duration AskTell::now() const { return std::max(history_.time(), options_.clock->now() - origin_); }

void AskTell::emit(EventBody body) {
  Event event{.number = history_.num_events(),
              .time = now(),
              .unix_time = options_.clock->unix_time(),
              .body = std::move(body)};
  take(event);
  if (options_.sink != nullptr) unsaved_.push_back(std::move(event));
}

void AskTell::take(const Event& event) {
  history_.apply(event);
  scheduler_->apply(event, history_);
  if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
    if (started->deadline) deadlines_[started->trial] = *started->deadline;
  } else if (const auto* set = std::get_if<DeadlineSet>(&event.body)) {
    deadlines_[set->trial] = set->deadline;
  } else if (const auto* reached = std::get_if<DeadlineReached>(&event.body)) {
    deadlines_.erase(reached->trial);
  } else if (const auto* stop = std::get_if<StopOrdered>(&event.body)) {
    ordered_[stop->trial] = {.outcome = Outcome::Stopped, .reason = stop->reason};
  } else if (const auto* pause = std::get_if<PauseOrdered>(&event.body)) {
    ordered_[pause->trial] = {.outcome = Outcome::Paused, .reason = "paused"};
  } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    ordered_.erase(ended->id.trial);
    deadlines_.erase(ended->id.trial);
  }
}

void AskTell::reach_deadlines() {
  std::vector<TrialId> reached;
  for (const auto& [id, deadline] : deadlines_)
    if (deadline <= now()) reached.push_back(id);
  for (const TrialId id : reached) emit(DeadlineReached{id});
  if (!reached.empty()) (void)decide(0);
}

std::optional<AskedTrial> AskTell::decide(int free_workers) {
  const auto commands =
      scheduler_->decide({.history = history_, .now = now(), .free_workers = free_workers});
  std::optional<AskedTrial> started;
  for (const Command& command : commands) {
    auto trial = carry_out(command);
    if (!trial) continue;
    // A scheduler that starts more than it was allowed to would leave trials that nobody measures.
    SKIPJACK_CHECK(!started && free_workers > 0);
    started = std::move(trial);
  }
  return started;
}

std::optional<AskedTrial> AskTell::carry_out(const Command& command) {
  if (const auto* start = std::get_if<Start>(&command)) {
    if (start->fitted) emit(ModelFitted{*start->fitted});
    const auto id = static_cast<TrialId>(history_.trials().size());
    emit(TrialStarted{.trial = id,
                      .configuration = start->configuration,
                      .checkpoint_from = start->checkpoint_from,
                      .max_resource = start->max_resource,
                      .deadline = start->deadline,
                      .tag = start->tag});
    return AskedTrial{id, start->configuration, 0, start->max_resource};
  }
  if (const auto* resume = std::get_if<Resume>(&command)) {
    const Trial* trial = history_.find(resume->trial);
    SKIPJACK_CHECK(trial != nullptr);
    emit(TrialResumed{.id = {trial->id, trial->attempt + 1}, .max_resource = resume->max_resource});
    const Trial& resumed = *history_.find(resume->trial);
    return AskedTrial{resumed.id, resumed.configuration, resumed.attempt, resumed.max_resource};
  }
  if (const auto* pause = std::get_if<Pause>(&command))
    order_end(pause->trial, Outcome::Paused, {});
  if (const auto* stop = std::get_if<Stop>(&command))
    order_end(stop->trial, Outcome::Stopped, stop->reason);
  if (const auto* set = std::get_if<SetDeadline>(&command))
    emit(DeadlineSet{set->trial, set->deadline});
  if (const auto* finished = std::get_if<Finished>(&command)) finished_ = finished->reason;
  return std::nullopt;
}

void AskTell::order_end(TrialId id, Outcome outcome, const std::string& reason) {
  if (ordered_.contains(id)) return;
  if (outcome == Outcome::Stopped)
    emit(StopOrdered{id, reason});
  else
    emit(PauseOrdered{id});
}

void AskTell::end(TrialId id, AttemptEnd how) {
  emit(AttemptEnded{.id = {id, history_.find(id)->attempt}, .end = std::move(how)});
}

void AskTell::flush() {
  if (unsaved_.empty()) return;
  options_.sink->append(unsaved_);
  unsaved_.clear();
}

}  // namespace skipjack
