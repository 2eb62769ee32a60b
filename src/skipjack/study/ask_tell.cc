// Every public call is one turn under one lock: deadlines that have passed, the caller's news, the
// scheduler's orders, then all of its events to the sink at once. Whether a trial is abandoned is
// looked at by asks alone, one trial an answer, since only they need it: so an answer that comes
// late is lost only where somebody else is already measuring the same.
#include "skipjack/study/ask_tell.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/method/method.h"
#include "skipjack/schedule/scheduler.h"

namespace skipjack {
namespace {

std::string trial_called(TrialId id) { return "trial " + std::to_string(id); }

Json metrics_of(const AskTell::Values& values) {
  Json metrics{Json::Object{}};
  for (const auto& [name, value] : values) {
    if (metrics.find(name) != nullptr) invalid("metric '" + name + "' is given twice");
    metrics.set(name, Json(value));
  }
  return metrics;
}

/// The last of this attempt.
bool last_report_holds(const Trial& trial, const Json& metrics) {
  if (trial.reports.empty() || trial.reports.back().attempt != trial.attempt) return false;
  const Json& reported = trial.reports.back().metrics;
  const Json::Object& told = metrics.as_object();
  return std::all_of(told.begin(), told.end(), [&](const auto& each) {
    const Json* value = reported.find(each.first);
    return value != nullptr && *value == each.second;
  });
}

const Metric& first_objective(const std::vector<Metric>& metrics) {
  const auto objective = std::find_if(metrics.begin(), metrics.end(), [](const Metric& metric) {
    return metric.role == MetricRole::Objective;
  });
  if (objective == metrics.end())
    invalid("metrics holds no objective", "name what is to be minimised or maximised");
  return *objective;
}

void validate(const AskTellOptions& options) {
  (void)first_objective(options.metrics);
  if (options.space.searched().empty())
    invalid("the search space holds nothing to search",
            "give a parameter a domain, such as uniform(0, 1)");
  if (options.ask_timeout && *options.ask_timeout <= Duration::zero())
    invalid("ask_timeout = " + format_duration(*options.ask_timeout) + " must be > 0",
            "leave it unset for trials that are never abandoned");
  if (options.max_lost_attempts < 1)
    invalid("max_lost_attempts = " + std::to_string(options.max_lost_attempts) + " must be >= 1");
}

}  // namespace

/// Its functions are called under the lock.
class AskTell::State {
 public:
  explicit State(AskTellOptions options);

  std::mutex& mutex() const { return mutex_; }
  const AskTellOptions& options() const { return options_; }
  const History& history() const { return history_; }

  /// At most number; empty where open trials have to end first.
  std::vector<AskedTrial> ask(int number);
  void tell(TrialId trial, const Values& values, std::optional<int> attempt);
  void tell_failed(TrialId trial, const std::string& reason, std::optional<int> attempt);
  Advice report(TrialId trial, const Values& values, std::optional<int> attempt);
  std::optional<BestTrial> best() const;

 private:
  const Trial& require_open(TrialId id, std::optional<int> attempt) const;
  bool is_open(TrialId id) const;
  Duration now() const;
  void emit(EventBody body);
  void take(const Event& event);
  void take_order(TrialId id, AttemptEnd how);
  void reach_deadlines();
  /// An abandoned trial, started again.
  std::optional<AskedTrial> ask_again();
  std::optional<TrialId> longest_silent() const;
  void abandon(TrialId id);
  AskedTrial resume(TrialId id, std::optional<std::int64_t> max_resource);
  /// Carries out what the scheduler says; the trials that it starts, at most free_workers.
  std::vector<AskedTrial> decide(int free_workers);
  std::optional<AskedTrial> carry_out(const Command& command);
  void order_end(TrialId id, Outcome outcome, const std::string& reason,
                 std::optional<double> bound = std::nullopt);
  void end(TrialId id, AttemptEnd how);
  void flush();

  mutable std::mutex mutex_;
  AskTellOptions options_;
  std::unique_ptr<Scheduler> scheduler_;
  History history_;
  /// Clock reading at which the running time was zero.
  Duration origin_{0};
  std::map<TrialId, Duration> deadlines_;
  /// Trials that the method has ordered to end, and how.
  std::map<TrialId, AttemptEnd> ordered_;
  /// When each open trial was asked, or last reported.
  std::map<TrialId, Duration> heard_;
  /// Attempts that were given up for want of news, and how many of each trial.
  std::set<AttemptId> abandoned_;
  std::map<TrialId, int> num_lost_;
  /// Trials to be asked again.
  std::set<TrialId> lost_;
  std::optional<std::string> finished_;
  std::vector<Event> unsaved_;
};

AskTell::State::State(AskTellOptions options) : options_(std::move(options)) {
  validate(options_);
  scheduler_ =
      make_scheduler(options_.method,
                     {.space = options_.space,
                      .metrics = options_.metrics,
                      .seed = options_.seed,
                      .points_to_evaluate = options_.points_to_evaluate
                                                ? *options_.points_to_evaluate
                                                : standard_start(options_.space, options_.sources),
                      .sources = options_.sources,
                      .options = options_.method_options});
  for (const Event& event : options_.past) take(event);
  options_.past.clear();
  origin_ = options_.clock->now() - history_.time();
  emit(RunStarted{.run = history_.num_runs(), .environment = {}});
  flush();
}

std::vector<AskedTrial> AskTell::State::ask(int number) {
  if (number < 1) invalid("number = " + std::to_string(number) + " must be >= 1");
  reach_deadlines();
  std::vector<AskedTrial> asked;
  const auto wanted = static_cast<std::size_t>(number);
  while (asked.size() < wanted) {
    auto again = ask_again();
    if (!again) break;
    asked.push_back(*std::move(again));
  }
  while (asked.size() < wanted && !finished_) {
    std::vector<AskedTrial> started;
    try {
      started = decide(number - static_cast<int>(asked.size()));
    } catch (const Error&) {
      if (asked.empty()) throw;  // else the next call meets it: nobody would measure these
    }
    if (started.empty()) break;
    std::move(started.begin(), started.end(), std::back_inserter(asked));
  }
  flush();
  const bool may_come_back = options_.ask_timeout && !heard_.empty();
  if (asked.empty() && finished_ && !may_come_back)
    throw Error(ErrorCode::Exhausted,
                "method '" + options_.method + "' has nothing more to ask: " + *finished_,
                "take best(), or search a larger space");
  return asked;
}

void AskTell::State::tell(TrialId trial, const Values& values, std::optional<int> attempt) {
  const Trial& open = require_open(trial, attempt);
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
  if (!last_report_holds(open, metrics))
    emit(Reported{.id = {trial, open.attempt}, .metrics = std::move(metrics)});
  (void)decide(0);
  if (const auto order = ordered_.find(trial); order != ordered_.end() &&
                                               order->second.outcome == Outcome::Paused &&
                                               how.outcome == Outcome::Completed)
    how = order->second;  // as far as it was asked to go, and it may be asked to go on
  end(trial, std::move(how));
  (void)decide(0);
  flush();
}

void AskTell::State::tell_failed(TrialId trial, const std::string& reason,
                                 std::optional<int> attempt) {
  (void)require_open(trial, attempt);
  reach_deadlines();
  end(trial, {.outcome = Outcome::Failed, .reason = reason});
  (void)decide(0);
  flush();
}

Advice AskTell::State::report(TrialId trial, const Values& values, std::optional<int> attempt) {
  const Trial& open = require_open(trial, attempt);
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

std::optional<BestTrial> AskTell::State::best() const {
  const Metric& metric = first_objective(options_.metrics);
  const auto best = best_value(history_, options_.metrics, metric.mode,
                               [&](const Trial& trial) { return measured_value(trial, metric); });
  if (!best) return std::nullopt;
  return BestTrial{best->trial, history_.find(best->trial)->configuration, best->value};
}

bool AskTell::State::is_open(TrialId id) const {
  const Trial* trial = history_.find(id);
  return trial != nullptr && trial->status == TrialStatus::Running && !trial->end;
}

const Trial& AskTell::State::require_open(TrialId id, std::optional<int> attempt) const {
  const Trial* trial = history_.find(id);
  if (trial == nullptr)
    invalid(trial_called(id) + " was never asked for", "use the id that ask() returned");
  const AttemptId meant{id, attempt.value_or(trial->attempt)};
  const std::string name = "attempt " + std::to_string(meant.attempt) + " of " + trial_called(id);
  if (meant.attempt < 0 || meant.attempt > trial->attempt)
    invalid(name + " was never asked for", "use the attempt that ask() returned");
  if (abandoned_.contains(meant))
    throw Error(ErrorCode::Timeout, name + " was given up after a long silence",
                "report on the way, or raise ask_timeout");
  if (meant.attempt < trial->attempt)
    invalid(name + " has ended, and attempt " + std::to_string(trial->attempt) + " was asked since",
            "tell each attempt once");
  if (!is_open(id))
    invalid(trial_called(id) + " is " + std::string(to_string(trial->status)) + ", not open",
            "tell each trial once");
  return *trial;
}

Duration AskTell::State::now() const {
  return std::max(history_.time(), options_.clock->now() - origin_);
}

void AskTell::State::emit(EventBody body) {
  Event event{.number = history_.num_events(),
              .time = now(),
              .unix_time = options_.clock->unix_time(),
              .body = std::move(body)};
  take(event);
  if (options_.sink != nullptr) unsaved_.push_back(std::move(event));
}

void AskTell::State::take(const Event& event) {
  history_.apply(event);
  scheduler_->apply(event, history_);
  if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
    heard_[started->trial] = event.time;
    if (started->deadline) deadlines_[started->trial] = *started->deadline;
  } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
    heard_[resumed->id.trial] = event.time;
    lost_.erase(resumed->id.trial);
  } else if (const auto* reported = std::get_if<Reported>(&event.body)) {
    if (is_open(reported->id.trial)) heard_[reported->id.trial] = event.time;
  } else if (const auto* set = std::get_if<DeadlineSet>(&event.body)) {
    deadlines_[set->trial] = set->deadline;
  } else if (const auto* reached = std::get_if<DeadlineReached>(&event.body)) {
    deadlines_.erase(reached->trial);
  } else if (const auto* stop = std::get_if<StopOrdered>(&event.body)) {
    lost_.erase(stop->trial);
    take_order(stop->trial, {.outcome = Outcome::Stopped, .reason = stop->reason});
  } else if (const auto* pause = std::get_if<PauseOrdered>(&event.body)) {
    take_order(pause->trial, {.outcome = Outcome::Paused, .reason = "paused"});
  } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
    const TrialId id = ended->id.trial;
    ordered_.erase(id);
    heard_.erase(id);
    deadlines_.erase(id);
    if (ended->end.outcome != Outcome::Lost) return;
    lost_.insert(id);
    abandoned_.insert(ended->id);
    ++num_lost_[id];
    if (const auto& deadline = history_.find(id)->deadline; deadline && *deadline > event.time)
      deadlines_[id] = *deadline;
  }
}

void AskTell::State::take_order(TrialId id, AttemptEnd how) {
  if (is_open(id)) ordered_[id] = std::move(how);
}

void AskTell::State::reach_deadlines() {
  std::vector<TrialId> reached;
  for (const auto& [id, deadline] : deadlines_)
    if (deadline <= now() && !lost_.contains(id)) reached.push_back(id);
  for (const TrialId id : reached) emit(DeadlineReached{id});
  if (!reached.empty()) (void)decide(0);
}

std::optional<AskedTrial> AskTell::State::ask_again() {
  while (lost_.empty()) {
    const auto silent = longest_silent();
    if (!silent) return std::nullopt;
    abandon(*silent);
  }
  return resume(*lost_.begin(), history_.find(*lost_.begin())->max_resource);
}

std::optional<TrialId> AskTell::State::longest_silent() const {
  if (!options_.ask_timeout || heard_.empty()) return std::nullopt;
  const auto longest = std::min_element(heard_.begin(), heard_.end(),
                                        [](auto& a, auto& b) { return a.second < b.second; });
  if (now() - longest->second < *options_.ask_timeout) return std::nullopt;
  return longest->first;
}

void AskTell::State::abandon(TrialId id) {
  const std::string reason = "nothing heard of it for " + format_duration(*options_.ask_timeout);
  const AttemptId attempt{id, history_.find(id)->attempt};
  if (const auto order = ordered_.find(id); order != ordered_.end())
    end(id, AttemptEnd(order->second));  // nobody waits for it any more
  else if (num_lost_[id] + 1 < options_.max_lost_attempts)
    end(id, {.outcome = Outcome::Lost, .reason = reason});
  else
    end(id, {.outcome = Outcome::Failed,
             .reason = reason + ", in each of " + std::to_string(options_.max_lost_attempts) +
                       " attempts"});
  abandoned_.insert(attempt);
}

AskedTrial AskTell::State::resume(TrialId id, std::optional<std::int64_t> max_resource) {
  const Trial* trial = history_.find(id);
  SKIPJACK_CHECK(trial != nullptr);
  emit(TrialResumed{.id = {id, trial->attempt + 1}, .max_resource = max_resource});
  const Trial& resumed = *history_.find(id);
  return {resumed.id, resumed.configuration, resumed.attempt, resumed.max_resource};
}

std::vector<AskedTrial> AskTell::State::decide(int free_workers) {
  const auto commands =
      scheduler_->decide({.history = history_, .now = now(), .free_workers = free_workers});
  std::vector<AskedTrial> started;
  for (const Command& command : commands) {
    auto trial = carry_out(command);
    if (!trial) continue;
    // A scheduler that starts more than it was allowed to would leave trials that nobody measures.
    SKIPJACK_CHECK(started.size() < static_cast<std::size_t>(free_workers));
    started.push_back(*std::move(trial));
  }
  return started;
}

std::optional<AskedTrial> AskTell::State::carry_out(const Command& command) {
  if (const auto* start = std::get_if<Start>(&command)) {
    if (start->fitted) emit(ModelFitted{*start->fitted});
    const auto id = static_cast<TrialId>(history_.trials().size());
    emit(as_event(*start, id));
    return AskedTrial{id, start->configuration, 0, start->max_resource};
  }
  if (const auto* again = std::get_if<Resume>(&command))
    return resume(again->trial, again->max_resource);
  if (const auto* pause = std::get_if<Pause>(&command))
    order_end(pause->trial, Outcome::Paused, {});
  if (const auto* stop = std::get_if<Stop>(&command))
    order_end(stop->trial, Outcome::Stopped, stop->reason, stop->bound);
  if (const auto* set = std::get_if<SetDeadline>(&command))
    emit(DeadlineSet{set->trial, set->deadline});
  if (const auto* finished = std::get_if<Finished>(&command)) finished_ = finished->reason;
  return std::nullopt;
}

void AskTell::State::order_end(TrialId id, Outcome outcome, const std::string& reason,
                               std::optional<double> bound) {
  const Trial* trial = history_.find(id);
  const bool is_at_rest =
      lost_.contains(id) || (trial != nullptr && trial->status == TrialStatus::Paused);
  if (!is_open(id) && !(is_at_rest && outcome == Outcome::Stopped)) return;
  if (ordered_.contains(id)) return;
  if (outcome == Outcome::Stopped)
    emit(StopOrdered{id, reason, bound});
  else
    emit(PauseOrdered{id});
}

void AskTell::State::end(TrialId id, AttemptEnd how) {
  emit(AttemptEnded{.id = {id, history_.find(id)->attempt}, .end = std::move(how)});
}

void AskTell::State::flush() {
  if (unsaved_.empty()) return;
  options_.sink->append(unsaved_);
  unsaved_.clear();
}

AskTell::AskTell(AskTellOptions options) : state_(std::make_unique<State>(std::move(options))) {}
AskTell::AskTell(AskTell&&) noexcept = default;
AskTell& AskTell::operator=(AskTell&&) noexcept = default;
AskTell::~AskTell() = default;

std::vector<AskedTrial> AskTell::ask(int number) {
  const std::lock_guard lock(state_->mutex());
  std::vector<AskedTrial> asked = state_->ask(number);
  if (asked.empty())
    throw Error(ErrorCode::Exhausted, "method '" + state_->options().method + "' waits for results",
                "tell the values of open trials first");
  return asked;
}

AskedTrial AskTell::ask() { return std::move(ask(1).front()); }

std::optional<AskedTrial> AskTell::try_ask() {
  const std::lock_guard lock(state_->mutex());
  std::vector<AskedTrial> asked = state_->ask(1);
  if (asked.empty()) return std::nullopt;
  return std::move(asked.front());
}

void AskTell::tell(TrialId trial, const Values& values, std::optional<int> attempt) {
  const std::lock_guard lock(state_->mutex());
  state_->tell(trial, values, attempt);
}

void AskTell::tell_failed(TrialId trial, const std::string& reason, std::optional<int> attempt) {
  const std::lock_guard lock(state_->mutex());
  state_->tell_failed(trial, reason, attempt);
}

Advice AskTell::report(TrialId trial, const Values& values, std::optional<int> attempt) {
  const std::lock_guard lock(state_->mutex());
  return state_->report(trial, values, attempt);
}

std::optional<BestTrial> AskTell::best() const {
  const std::lock_guard lock(state_->mutex());
  return state_->best();
}

std::optional<Recommendation> AskTell::recommend() const {
  const AskTellOptions& options = state_->options();
  return skipjack::recommend(options.space, history(), first_objective(options.metrics),
                             options.metrics,
                             resource_attr_of(options.method, options.method_options));
}

std::vector<FrontMember> AskTell::front() const {
  return pareto_front(history(), state_->options().metrics);
}

History AskTell::history() const {
  const std::lock_guard lock(state_->mutex());
  return state_->history();
}

}  // namespace skipjack
