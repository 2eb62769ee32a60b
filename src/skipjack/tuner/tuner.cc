// The loop as a class of this file: its state is what the events fold to, plus the attempts that
// the backend runs. Everything that may be decided is decided before the turn's one append;
// carry_out() is the only place that touches the backend.
#include "skipjack/tuner/tuner.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/overloaded.h"
#include "skipjack/tuner/outbox.h"
#include "skipjack/tuner/program_faults.h"
#include "skipjack/tuner/unsettled.h"

namespace skipjack {
namespace {

/// Longest sleep when nothing is due: only a bound, nothing is checked then.
constexpr Duration kLongestSleep = std::chrono::hours(1);
/// Reason of a run that ended by an exception.
constexpr const char* kFailed = "failed";
constexpr const char* kInterrupted = "interrupted";
constexpr const char* kStartsFull = "max_trials_started";

void validate(const TunerOptions& options) {
  if (options.workers < 1)
    throw Error(ErrorCode::InvalidArgument,
                "workers = " + std::to_string(options.workers) + " must be >= 1");
  if (options.max_failures && *options.max_failures < 0)
    throw Error(ErrorCode::InvalidArgument,
                "max_failures = " + std::to_string(*options.max_failures) + " must be >= 0");
  if (options.max_initial_failures && *options.max_initial_failures < 1)
    throw Error(ErrorCode::InvalidArgument,
                "max_initial_failures = " + std::to_string(*options.max_initial_failures) +
                    " must be >= 1");
  if (options.trial_time_limit && *options.trial_time_limit <= Duration::zero())
    throw Error(ErrorCode::InvalidArgument, "trial_time_limit must be more than 0 s");
  validate(options.checkpoints);
  if (options.reached < Duration::zero())
    throw Error(ErrorCode::InvalidArgument, "reached must be at least 0 s");
}

struct EndRequest {
  AttemptId id;
  EndAs as;
};
struct RemoveCheckpoint {
  TrialId trial = 0;
};
using Action = std::variant<StartRequest, EndRequest, RemoveCheckpoint>;

class Loop {
 public:
  Loop(Scheduler& scheduler, Backend& backend, EventSink& sink, const TunerOptions& options)
      : scheduler_(scheduler),
        backend_(backend),
        outbox_(sink, backend),
        options_(options),
        progress_(options.stop),
        keeper_(options.checkpoints),
        faults_(options),
        origin_(options.clock->now()) {}

  TuningResult run(const std::vector<Event>& past);

 private:
  Duration now() const;
  void fold(const Event& event);
  void emit(EventBody body, std::optional<double> unix_time = std::nullopt);
  void begin_run();
  void take(const std::vector<BackendEvent>& happened);
  void take_end(const AttemptFinished& finished);
  void release_checkpoints();
  void remove_checkpoint(TrialId trial);
  void take_deadlines();
  void check_end();
  void end_for(const std::string& reason, AtEnd what);
  void decide();
  /// What the scheduler says while nothing can start.
  void give_orders();
  void run_lost_again();
  int num_free() const;
  SchedulerView view() const;
  /// What a command changed.
  enum class Effect { Nothing, Started, Ending };
  Effect obey(const Command& command);
  void launch(AttemptId id, const Trial& trial);
  void order_end(TrialId trial, EndAs as, const std::string& reason,
                 std::optional<double> bound = std::nullopt);
  void carry_out();
  Turn turn() const;
  void show_turn() const;
  Duration sleep_time() const;

  Scheduler& scheduler_;
  Backend& backend_;
  Outbox outbox_;
  const TunerOptions& options_;
  History history_;
  Progress progress_;
  CheckpointKeeper keeper_;
  Unsettled unsettled_;
  ProgramFaults faults_;

  const Duration origin_;
  Duration base_{0};
  int run_ = 0;
  std::vector<Action> actions_;
  std::set<AttemptId> live_;
  /// Of attempts that were adopted: reports that are in the past events and come once more.
  std::map<AttemptId, std::int64_t> known_reports_;
  std::string reason_;
  bool stopping_ = false;
  bool hopeless_ = false;
};

Duration Loop::now() const {
  return std::max(history_.time(), base_ + (options_.clock->now() - origin_));
}

void Loop::fold(const Event& event) {
  history_.apply(event);
  progress_.apply(event, history_);
  keeper_.apply(event);
  unsettled_.apply(event);
  if (const auto* started = std::get_if<RunStarted>(&event.body)) run_ = started->run + 1;
  // In an earlier run too: then the program is known to work.
  if (const auto* ended = std::get_if<AttemptEnded>(&event.body);
      ended && ended->end.outcome == Outcome::Completed)
    faults_.worked();
  scheduler_.apply(event, history_);
}

void Loop::emit(EventBody body, std::optional<double> unix_time) {
  fold(outbox_.add(std::move(body), now(), unix_time.value_or(options_.clock->unix_time())));
}

void Loop::begin_run() {
  emit(RunStarted{.run = run_, .environment = options_.environment});
  std::vector<AttemptId> believed;
  for (const TrialId id : history_.running())
    if (!unsettled_.lost.contains(id)) believed.push_back({id, history_.find(id)->attempt});
  // The earlier run may have died before it did so.
  for (const TrialId trial : unsettled_.without_checkpoint) {
    const TrialStatus status = history_.find(trial)->status;
    if (status != TrialStatus::Running) actions_.push_back(RemoveCheckpoint{trial});
  }
  if (believed.empty()) return;
  const std::vector<AttemptId> adopted = backend_.reconcile(believed);
  live_.insert(adopted.begin(), adopted.end());
  for (const AttemptId id : adopted) {
    const std::vector<Report>& reports = history_.find(id.trial)->reports;
    known_reports_[id] = std::count_if(reports.begin(), reports.end(), [&](const Report& report) {
      return report.attempt == id.attempt;
    });
  }
  for (const AttemptId id : believed) {
    const auto order = unsettled_.ending.find(id.trial);
    if (live_.contains(id)) {
      if (order != unsettled_.ending.end()) actions_.push_back(EndRequest{id, order->second});
      continue;
    }
    AttemptEnd end{.outcome = Outcome::Lost, .reason = "the tuner died while it ran"};
    if (order != unsettled_.ending.end()) {
      end.outcome = order->second == EndAs::Stopped ? Outcome::Stopped : Outcome::Paused;
      end.reason = "the tuner died while it was being ended";
    }
    emit(AttemptEnded{.id = id, .end = std::move(end)});
  }
}

void Loop::take(const std::vector<BackendEvent>& happened) {
  std::set<TrialId> heard;
  for (const BackendEvent& event : happened) {
    if (const auto* finished = std::get_if<AttemptFinished>(&event)) {
      // What its last report calls for comes before its end, also where both are seen at once: a
      // trial that was to pause and ends by itself is paused, not completed.
      if (heard.contains(finished->id.trial)) give_orders(), heard.clear();
      take_end(*finished);
      continue;
    }
    const auto& report = std::get<AttemptReport>(event);
    heard.insert(report.id.trial);
    if (!live_.contains(report.id)) {
      log(options_.log, LogLevel::Warning,
          "a report of trial " + std::to_string(report.id.trial) +
              " came after its end and is dropped");
    } else if (const auto known = known_reports_.find(report.id);
               known != known_reports_.end() && known->second > 0) {
      --known->second;
    } else if (!progress_.reports_full()) {
      if (!unsettled_.without_checkpoint.contains(report.id.trial))
        faults_.notice_restart(report, *history_.find(report.id.trial));
      emit(Reported{.id = report.id, .metrics = report.metrics}, report.unix_time);
    }
  }
}

void Loop::release_checkpoints() {
  for (const TrialId trial : keeper_.superfluous(scheduler_, history_)) {
    emit(CheckpointRemoved{trial});
    actions_.push_back(RemoveCheckpoint{trial});
  }
}

void Loop::remove_checkpoint(TrialId trial) {
  try {
    backend_.delete_checkpoint(trial);
  } catch (const Error& error) {
    log(options_.log, LogLevel::Warning,
        "the checkpoint of trial " + std::to_string(trial) + " stays: " + error.what());
  }
}

void Loop::take_end(const AttemptFinished& finished) {
  if (live_.erase(finished.id) == 0) {
    log(options_.log, LogLevel::Warning,
        "the backend ended trial " + std::to_string(finished.id.trial) + " twice");
    return;
  }
  AttemptEnd end = finished.end;
  if (end.outcome == Outcome::Completed) {
    if (std::string lack = faults_.missing_metric(*history_.find(finished.id.trial));
        !lack.empty()) {
      end.outcome = Outcome::Failed;
      end.reason = std::move(lack);
    } else if (const auto order = unsettled_.ending.find(finished.id.trial);
               order != unsettled_.ending.end() && order->second == EndAs::Paused) {
      end.outcome = Outcome::Paused;
    }
  }
  const Outcome outcome = end.outcome;
  emit(AttemptEnded{.id = finished.id, .end = std::move(end)}, finished.unix_time);
  if (outcome == Outcome::Failed) {
    faults_.failed(finished.id.trial);
  } else if (outcome != Outcome::Lost && !stopping_) {
    faults_.worked();
  }
}

void Loop::take_deadlines() {
  std::vector<TrialId> reached;
  for (const auto& [deadline, trial] : unsettled_.deadlines.ordered()) {
    if (deadline > now()) break;
    if (!unsettled_.lost.contains(trial)) reached.push_back(trial);
  }
  std::sort(reached.begin(), reached.end());
  for (const TrialId trial : reached) emit(DeadlineReached{trial});
}

void Loop::check_end() {
  if (stopping_) return;
  if (options_.interrupt && options_.interrupt->requested())
    return end_for(kInterrupted, AtEnd::StopRunning);
  if (faults_.is_hopeless()) {
    hopeless_ = true;
    return end_for(kFailed, AtEnd::StopRunning);
  }
  if (const auto fired = progress_.fired(now())) return end_for(*fired, options_.at_end);
  if (options_.max_failures && progress_.num_failed() > *options_.max_failures)
    return end_for("max_failures", options_.at_end);
  if (reason_.empty() && options_.stop_when && options_.stop_when(turn()))
    end_for("stop_when", options_.at_end);
}

void Loop::end_for(const std::string& reason, AtEnd what) {
  // What an interrupt finds lost stays lost, and runs again when the experiment is resumed.
  if (reason != kInterrupted)
    for (const TrialId trial : std::set<TrialId>(unsettled_.lost))
      order_end(trial, EndAs::Stopped, reason);
  if (what == AtEnd::WaitForRunning) {
    if (reason_.empty()) reason_ = reason;
    return;
  }
  reason_ = reason;
  stopping_ = true;
  for (const AttemptId id : std::set<AttemptId>(live_)) order_end(id.trial, EndAs::Stopped, reason);
}

int Loop::num_free() const {
  const auto slots = std::min(options_.workers, backend_.capacity());
  const auto running = static_cast<std::int64_t>(live_.size());
  return static_cast<int>(
      std::max<std::int64_t>(0, std::min(slots - running, progress_.allowed_attempts(running))));
}

SchedulerView Loop::view() const {
  SchedulerView view{.history = history_,
                     .now = now(),
                     .free_workers = num_free(),
                     .starts_full = progress_.starts_full()};
  view.remaining_fraction = progress_.remaining_fraction(view.now);
  if (options_.stop.max_time)
    view.remaining_time = std::max(Duration::zero(), *options_.stop.max_time - view.now);
  return view;
}

void Loop::run_lost_again() {
  while (num_free() > 0 && !unsettled_.lost.empty()) {
    const Trial& trial = *history_.find(*unsettled_.lost.begin());
    const AttemptId id{trial.id, trial.attempt + 1};
    emit(TrialResumed{.id = id, .max_resource = trial.max_resource});
    launch(id, *history_.find(id.trial));
  }
}

void Loop::give_orders() {
  SchedulerView nothing_free = view();
  nothing_free.free_workers = 0;
  for (const Command& command : scheduler_.decide(nothing_free)) obey(command);
}

void Loop::decide() {
  // Asked once more for each start, so the number of rounds is bounded by the workers.
  for (Effect effect = Effect::Started; effect == Effect::Started && reason_.empty();) {
    effect = Effect::Nothing;
    for (const Command& command : scheduler_.decide(view()))
      effect = std::max(effect, obey(command));
    if (num_free() == 0) break;
  }
}

Loop::Effect Loop::obey(const Command& command) {
  if (!reason_.empty()) return Effect::Nothing;
  const auto need_worker = [&] {
    if (num_free() <= 0)
      throw Error(ErrorCode::InvalidArgument,
                  "the scheduler starts a trial although no worker is free");
  };
  if (const auto* start = std::get_if<Start>(&command)) {
    if (progress_.starts_full()) {
      reason_ = kStartsFull;
      return Effect::Ending;
    }
    need_worker();
    if (start->fitted) emit(ModelFitted{*start->fitted});
    const auto id = static_cast<TrialId>(history_.trials().size());
    emit(as_event(*start, id));
    launch({id, 0}, *history_.find(id));
    return Effect::Started;
  }
  if (const auto* resume = std::get_if<Resume>(&command)) {
    need_worker();
    const Trial* trial = history_.find(resume->trial);
    if (!trial || trial->status == TrialStatus::Running)
      throw Error(ErrorCode::InvalidArgument, "the scheduler resumes trial " +
                                                  std::to_string(resume->trial) +
                                                  ", which runs or does not exist");
    const AttemptId id{resume->trial, trial->attempt + 1};
    emit(TrialResumed{.id = id, .max_resource = resume->max_resource});
    launch(id, *history_.find(id.trial));
    return Effect::Started;
  }
  if (const auto* pause = std::get_if<Pause>(&command)) order_end(pause->trial, EndAs::Paused, "");
  if (const auto* stop = std::get_if<Stop>(&command))
    order_end(stop->trial, EndAs::Stopped, stop->reason, stop->bound);
  if (const auto* set = std::get_if<SetDeadline>(&command); set && history_.find(set->trial))
    emit(DeadlineSet{set->trial, set->deadline});
  if (const auto* finished = std::get_if<Finished>(&command)) {
    if (progress_.starts_full())
      reason_ = kStartsFull;
    else
      reason_ = finished->reason.empty() ? "finished" : finished->reason;
    return Effect::Ending;
  }
  return Effect::Nothing;
}

void Loop::launch(AttemptId id, const Trial& trial) {
  live_.insert(id);
  actions_.push_back(StartRequest{
      .id = id,
      .configuration = trial.configuration,
      .checkpoint_from = id.attempt == 0 ? trial.checkpoint_from : std::optional<TrialId>{},
      .max_resource = trial.max_resource,
      .time_limit = options_.trial_time_limit});
}

void Loop::order_end(TrialId trial, EndAs as, const std::string& reason,
                     std::optional<double> bound) {
  const auto attempt = live_.lower_bound(AttemptId{trial, 0});
  const bool lives = attempt != live_.end() && attempt->trial == trial;
  const bool paused = history_.find(trial) && history_.find(trial)->status == TrialStatus::Paused;
  const bool at_rest = paused || unsettled_.lost.contains(trial);
  if (!lives && !(at_rest && as == EndAs::Stopped)) return;
  if (unsettled_.ending.contains(trial)) return;
  if (as == EndAs::Stopped)
    emit(StopOrdered{trial, reason, bound ? bound : scheduler_.expected_of(trial)});
  else
    emit(PauseOrdered{trial});
  if (lives) actions_.push_back(EndRequest{*attempt, as});
}

void Loop::carry_out() {
  for (const Action& action : std::exchange(actions_, {}))
    std::visit(Overloaded{
                   [&](const StartRequest& request) { backend_.start(request); },
                   [&](const EndRequest& request) { backend_.end(request.id, request.as); },
                   [&](const RemoveCheckpoint& request) { remove_checkpoint(request.trial); },
               },
               action);
}

Turn Loop::turn() const {
  const SchedulerView v = view();
  const int queued = backend_.num_queued();
  return {.history = history_,
          .now = v.now,
          .remaining_time = v.remaining_time,
          .remaining_fraction = v.remaining_fraction,
          .num_running = static_cast<int>(live_.size()) - queued,
          .num_queued = queued,
          .ending_reason = reason_};
}

void Loop::show_turn() const {
  if (options_.on_turn) options_.on_turn(turn());
}

Duration Loop::sleep_time() const {
  Duration sleep = kLongestSleep;
  const Duration at = now();
  if (options_.turn_interval) sleep = std::min(sleep, *options_.turn_interval);
  if (const auto life = outbox_.next_life()) sleep = std::min(sleep, *life - at);
  if (options_.stop.max_time && !stopping_ &&
      (reason_.empty() || options_.at_end == AtEnd::StopRunning))
    sleep = std::min(sleep, *options_.stop.max_time - at);
  const auto& deadlines = unsettled_.deadlines.ordered();
  const auto next = std::find_if(deadlines.begin(), deadlines.end(), [&](const auto& each) {
    return !unsettled_.lost.contains(each.second);
  });
  if (next != deadlines.end()) sleep = std::min(sleep, next->first - at);
  return std::max(sleep, Duration::zero());
}

TuningResult Loop::run(const std::vector<Event>& past) {
  for (const Event& event : past) fold(event);
  outbox_.go_on_after(past);
  base_ = std::max(outbox_.last_committed(), options_.reached);
  try {
    begin_run();
    for (;;) {
      take_deadlines();
      check_end();
      if (!stopping_) run_lost_again();
      if (reason_.empty() && !outbox_.empty()) decide();
      if (reason_.empty() && live_.empty()) reason_ = "stalled";
      release_checkpoints();
      outbox_.commit();
      outbox_.show_life(now());
      carry_out();
      show_turn();
      if (!reason_.empty() && live_.empty() && (stopping_ || unsettled_.lost.empty())) break;
      take(backend_.wait(sleep_time()));
    }
    emit(RunEnded{.run = run_ - 1, .reason = reason_});
    outbox_.commit();
  } catch (...) {
    // What was not committed did not happen.
    const auto end_of_run = [this] {
      return Event{.time = now(),
                   .unix_time = options_.clock->unix_time(),
                   .body = RunEnded{.run = run_ - 1, .reason = kFailed}};
    };
    outbox_.write_failure(end_of_run, options_.log);
    throw;
  }
  if (hopeless_) throw faults_.initial_failures(history_);
  const Duration time = history_.time();
  return TuningResult{.history = std::move(history_), .reason = reason_, .time = time};
}

}  // namespace

TuningResult run_tuner(Scheduler& scheduler, Backend& backend, EventSink& sink,
                       const std::vector<Event>& past, const TunerOptions& options) {
  validate(options);
  struct Attached {
    Interrupt* interrupt;
    ~Attached() {
      if (interrupt) interrupt->detach();
    }
  };
  if (options.interrupt) options.interrupt->attach(backend);
  const Attached attached{options.interrupt};
  return Loop(scheduler, backend, sink, options).run(past);
}

}  // namespace skipjack
