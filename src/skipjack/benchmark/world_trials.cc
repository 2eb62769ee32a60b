#include "skipjack/benchmark/world_trials.h"

#include <algorithm>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack::benchmark {

WorldTrials::WorldTrials(const World& world, const WorldTrialsOptions& options)
    : world_(world), options_(options) {
  if (!(options.failure_probability >= 0 && options.failure_probability <= 1))
    throw Error(ErrorCode::InvalidArgument,
                "failure_probability = " + shortest_decimal(options.failure_probability) +
                    " must be in [0, 1]");
}

SimulatedAttempt WorldTrials::run(const StartRequest& request) {
  const auto [begun, is_new] = begun_.try_emplace(request.id.trial);
  Begun& trial = begun->second;
  if (is_new) {
    trial.evaluation = evaluate(request.configuration);
    if (request.checkpoint_from)
      trial.num_reported =
          std::min(begun_.at(*request.checkpoint_from).num_reported, trial.evaluation.curve.size());
  }
  SimulatedAttempt does = attempt(trial, request.max_resource.value_or(world_.resource().max));
  perhaps_fail(request.id, does);
  return does;
}

void WorldTrials::apply(const Event& event) {
  if (const auto* reported = std::get_if<Reported>(&event.body))
    ++begun_.at(reported->id.trial).num_reported;
}

Evaluation WorldTrials::evaluate(const Configuration& configuration) {
  const std::string key = world_.space().key(configuration);
  Rng rng(options_.seed, "evaluation of " + key, times_run_[key]++);
  return world_.evaluate(configuration, rng);
}

SimulatedAttempt WorldTrials::attempt(const Begun& trial, std::int64_t max_resource) const {
  const auto& curve = trial.evaluation.curve;
  if (curve.empty())
    return {.duration = from_seconds(trial.evaluation.seconds),
            .end = {.outcome = Outcome::Failed, .exit_code = 1, .reason = "exit code 1"}};
  const double skipped = trial.num_reported > 0 ? curve[trial.num_reported - 1].seconds : 0.0;
  SimulatedAttempt does{.duration = from_seconds(trial.evaluation.seconds - skipped)};
  for (std::size_t i = trial.num_reported; i < curve.size(); ++i) {
    if (curve[i].resource > max_resource) {
      if (!does.reports.empty()) does.duration = does.reports.back().after;
      break;
    }
    Json metrics;
    metrics.set(world_.metric().name, curve[i].value);
    if (!world_.resource().name.empty()) metrics.set(world_.resource().name, curve[i].resource);
    does.reports.push_back({from_seconds(curve[i].seconds - skipped), std::move(metrics)});
  }
  return does;
}

void WorldTrials::perhaps_fail(AttemptId id, SimulatedAttempt& does) const {
  if (options_.failure_probability == 0) return;
  Rng rng(options_.seed, "failure of attempt " + std::to_string(id.attempt),
          static_cast<std::uint64_t>(id.trial));
  if (!rng.bernoulli(options_.failure_probability)) return;
  const Duration until = from_seconds(rng.uniform() * to_seconds(*does.duration));
  std::erase_if(does.reports, [&](const auto& step) { return step.after > until; });
  does.duration = until;
  does.end = {.outcome = Outcome::Failed, .exit_code = 1, .reason = "exit code 1"};
}

}  // namespace skipjack::benchmark
