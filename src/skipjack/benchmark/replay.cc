// The method's scheduler is wrapped by one that times and judges it; the world's evaluations are
// wrapped as simulated trials. In between runs the tuner as always.
#include "skipjack/benchmark/replay.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "skipjack/backend/simulator.h"
#include "skipjack/base/clock.h"
#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/benchmark/peer.h"
#include "skipjack/benchmark/world_trials.h"
#include "skipjack/method/method.h"
#include "skipjack/schedule/fifo.h"
#include "skipjack/search/recommend.h"
#include "skipjack/tuner/tuner.h"

namespace skipjack::benchmark {
namespace {

/// Seconds by the wall and of this thread's CPU.
struct Stopwatch {
  double wall = 0, cpu = 0;

  static Stopwatch now() {
    timespec cpu{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return {to_seconds(system_clock().now()),
            static_cast<double>(cpu.tv_sec) + 1e-9 * static_cast<double>(cpu.tv_nsec)};
  }
  void add_since(const Stopwatch& begin) {
    const Stopwatch end = now();
    wall += end.wall - begin.wall;
    cpu += end.cpu - begin.cpu;
  }
};

/// Folds the events into what the world thinks of the method.
class Judge {
 public:
  Judge(const World& world, const ReplayOptions& options) : world_(world), options_(options) {
    result_.has_target = world.metric().kind == MetricKind::Time;
  }

  void see(const Event& event, const History& history) {
    take_moments(to_seconds(event.time));
    now_ = to_seconds(event.time);
    if (const auto* reported = std::get_if<Reported>(&event.body)) {
      take_report(*reported, *history.find(reported->id.trial));
    } else if (const auto* started = std::get_if<TrialStarted>(&event.body)) {
      const std::string key = world_.space().key(started->configuration);
      if (!tried_.insert(key).second) ++result_.repeats;
      if (failed_.contains(key)) ++result_.repeated_failures;
      ++result_.trials;
      running_since_[started->trial] = now_;
    } else if (const auto* resumed = std::get_if<TrialResumed>(&event.body)) {
      ++result_.resumed;
      running_since_[resumed->id.trial] = now_;
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.body)) {
      take_end(*ended, *history.find(ended->id.trial), history);
    }
  }

  /// Judges the checkpoints that the method has not come to.
  ReplayResult finish(const History& history, std::string reason) {
    while (result_.judgements.size() < options_.checkpoints.size()) judge(history);
    result_.end = options_.time_limit ? judged(num_ended_, history) : result_.judgements.back();
    take_moments(std::numeric_limits<double>::infinity());
    result_.best_value_regret = best_value_regret();
    result_.reason = std::move(reason);
    return std::move(result_);
  }

 private:
  void take_end(const AttemptEnded& ended, const Trial& trial, const History& history) {
    const auto since = running_since_.extract(trial.id);
    if (!since.empty()) ended_seconds_ += now_ - since.mapped();
    if (ended.end.outcome == Outcome::Paused) return;
    ++num_ended_;
    if (ended.end.outcome == Outcome::Failed) {
      ++result_.failures;
      failed_.insert(world_.space().key(trial.configuration));
    } else if (ended.end.outcome == Outcome::Stopped) {
      ++result_.stopped;
    } else {
      take_completed(trial.configuration);
    }
    const std::size_t next = result_.judgements.size();
    if (next < options_.checkpoints.size() && num_ended_ == options_.checkpoints[next])
      judge(history);
  }

  /// Those that are over when something happens at this time.
  void take_moments(double time) {
    if (!options_.time_limit) return;
    while (result_.moments.size() < kMoments.size()) {
      const double fraction = kMoments[result_.moments.size()];
      if (time <= fraction * to_seconds(*options_.time_limit)) return;
      result_.moments.push_back(best_value_regret());
    }
  }

  void take_report(const Reported& reported, const Trial& trial) {
    ++result_.reports;
    const Metric& metric = world_.metric();
    const Json* value = reported.metrics.find(metric.name);
    if (!value || !value->is_number() || !std::isfinite(value->as_double())) return;
    const double cost = metric.mode == Mode::Min ? value->as_double() : -value->as_double();
    if (best_configuration_ && cost >= best_cost_) return;
    best_cost_ = cost;
    best_configuration_ = trial.configuration;
  }

  double best_value_regret() const {
    return best_configuration_ ? normalised_regret(world_, *best_configuration_) : 1.0;
  }

  void take_completed(const Configuration& configuration) {
    evaluated_ = std::min(evaluated_, normalised_regret(world_, configuration));
    if (!result_.has_target || result_.evaluations_to_target) return;
    const std::optional<double> value = world_.true_value(configuration);
    if (!value || *value > options_.target_factor * world_.reference().best) return;
    result_.evaluations_to_target = num_ended_;
    result_.seconds_to_target = measured_seconds();
  }

  double measured_seconds() const {
    double sum = ended_seconds_;
    for (const auto& [trial, since] : running_since_) sum += now_ - since;
    return sum;
  }

  void judge(const History& history) {
    result_.judgements.push_back(judged(options_.checkpoints[result_.judgements.size()], history));
  }

  Judgement judged(int evaluations, const History& history) const {
    Judgement judgement{.evaluations = evaluations,
                        .evaluated = evaluated_,
                        .measured_seconds = measured_seconds(),
                        .running_time = now_};
    if (const auto found = recommend(world_.space(), history, world_.metric())) {
      judgement.observed = normalised_regret(world_, found->best_value_configuration);
      judgement.recommended = options_.peer_command.empty()
                                  ? normalised_regret(world_, found->configuration)
                                  : judgement.observed;
    }
    return judgement;
  }

  const World& world_;
  const ReplayOptions& options_;
  ReplayResult result_;
  std::set<std::string> tried_, failed_;
  std::map<TrialId, double> running_since_;
  int num_ended_ = 0;
  double now_ = 0, ended_seconds_ = 0;
  /// Of the best single value at whatever level, and who had it.
  double best_cost_ = 0;
  std::optional<Configuration> best_configuration_;
  /// As bad as the median configuration before anything has completed.
  double evaluated_ = 1;
};

/// The method's scheduler, timed; the judge sees every event behind it, off the clock.
class Watched final : public Scheduler {
 public:
  Watched(std::unique_ptr<Scheduler> scheduler, Judge& judge)
      : scheduler_(std::move(scheduler)), judge_(judge) {}

  void apply(const Event& event, const History& history) override {
    const Stopwatch begin = Stopwatch::now();
    scheduler_->apply(event, history);
    answer_.add_since(begin);
    judge_.see(event, history);
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    const Stopwatch begin = Stopwatch::now();
    std::vector<Command> commands = scheduler_->decide(view);
    answer_.add_since(begin);
    const Stopwatch answer = std::exchange(answer_, {});
    if (std::any_of(commands.begin(), commands.end(), [](const Command& command) {
          return std::holds_alternative<Start>(command) || std::holds_alternative<Resume>(command);
        })) {
      wall_.push_back(answer.wall);
      cpu_.push_back(answer.cpu);
    }
    return commands;
  }

  double checkpoint_worth(const Trial& trial) const override {
    return scheduler_->checkpoint_worth(trial);
  }

  std::optional<double> expected_of(TrialId trial) const override {
    return scheduler_->expected_of(trial);
  }

  void move_times_to(ReplayResult& result) {
    result.answer_seconds = std::move(wall_);
    result.answer_cpu_seconds = std::move(cpu_);
  }

 private:
  std::unique_ptr<Scheduler> scheduler_;
  Judge& judge_;
  /// Since the last decision.
  Stopwatch answer_;
  std::vector<double> wall_, cpu_;
};

class TrialsSink final : public EventSink {
 public:
  explicit TrialsSink(WorldTrials& trials) : trials_(trials) {}
  void append(const std::vector<Event>& events) override {
    for (const Event& event : events) trials_.apply(event);
  }

 private:
  WorldTrials& trials_;
};

void validate(const ReplayOptions& options) {
  if (options.evaluations < 1)
    invalid("evaluations = " + std::to_string(options.evaluations) + " must be >= 1");
  if (options.checkpoints.empty()) invalid("checkpoints is empty");
  int last = 0;
  for (const int checkpoint : options.checkpoints) {
    if (checkpoint <= last || checkpoint > options.evaluations)
      invalid("checkpoints must ascend within [1, evaluations = " +
              std::to_string(options.evaluations) + "], " + std::to_string(checkpoint) +
              " doesn't");
    last = checkpoint;
  }
  if (options.time_limit && *options.time_limit <= Duration::zero())
    invalid("time_limit must be more than 0 s");
  if (!(options.target_factor > 1))
    invalid("target_factor = " + std::to_string(options.target_factor) + " must be > 1");
}

/// The world's levels as the options in which methods want them, where nothing else is given.
void set_levels(const MethodRow& row, const Resource& resource, Json& method_options) {
  if (resource.name.empty())
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(row.name) + "' looks at levels, and the world has none",
                "search in worlds with learning curves, such as those of LCBench");
  const auto set = [&](std::string_view key, Json value) {
    const bool known = std::any_of(row.options.begin(), row.options.end(),
                                   [&](const MethodOption& option) { return option.key == key; });
    if (known && !method_options.find(key)) method_options.set(key, std::move(value));
  };
  set("resource_attr", resource.name);
  set("max_t", resource.max);
  set("progress_attr", resource.name);
  set("max_progress", resource.max);
}

std::unique_ptr<Scheduler> scheduler_for(const World& world, const ReplayOptions& options) {
  if (!options.peer_command.empty()) {
    PeerOptions peer{.command = options.peer_command,
                     .space = world.space(),
                     .metric = world.metric(),
                     .seed = options.seed};
    if (!world.resource().name.empty())
      return make_peer_scheduler(std::move(peer), world.resource());
    return make_fifo({.searcher = make_peer_search(std::move(peer)), .points_to_evaluate = {}});
  }
  Json method_options = options.method_options;
  if (world.metric().kind != MetricKind::Time && method_options.find(kCapOption))
    method_options.set(kCapOption, false);
  const MethodRow& row = find_method(options.method);
  if (row.multi_fidelity) set_levels(row, world.resource(), method_options);
  MethodOptions made{.space = world.space(),
                     .metrics = {world.metric()},
                     .seed = options.seed,
                     .sources = options.sources,
                     .options = std::move(method_options)};
  if (options.first_trial == FirstTrial::Standard)
    made.points_to_evaluate = standard_start(made.space, made.sources);
  return make_scheduler(options.method, made);
}

}  // namespace

ReplayResult replay(const World& world, const ReplayOptions& options) {
  validate(options);
  Judge judge(world, options);
  Watched scheduler(scheduler_for(world, options), judge);
  WorldTrials trials(world,
                     {.seed = options.seed, .failure_probability = options.failure_probability});
  TrialsSink sink(trials);
  ManualClock clock;
  const auto backend =
      make_simulator({.trial = [&](const StartRequest& request) { return trials.run(request); },
                      .capacity = options.workers,
                      .clock = &clock,
                      .start_delay = options.start_delay,
                      .stop_delay = options.stop_delay});
  StoppingCriterion stop{.max_time = options.time_limit};
  if (!options.time_limit) stop.max_trials_started = options.evaluations;
  const TuningResult tuned = run_tuner(scheduler, *backend, sink, {},
                                       {.workers = options.workers,
                                        .stop = stop,
                                        .max_initial_failures = std::nullopt,
                                        .required_metrics = {world.metric().name},
                                        .clock = &clock});
  if (tuned.history.trials().empty())
    throw Error(ErrorCode::InvalidArgument,
                "method '" + options.method + "' proposed nothing for '" + world.name() + "'");
  if (options.on_end) options.on_end(tuned.history);
  ReplayResult result = judge.finish(tuned.history, tuned.reason);
  scheduler.move_times_to(result);
  return result;
}

}  // namespace skipjack::benchmark
