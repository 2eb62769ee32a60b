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
  auto begun = begun_.find(request.id.trial);
  if (begun == begun_.end()) begun = begun_.emplace(request.id.trial, begin(request)).first;
  SimulatedAttempt does =
      attempt(begun->second, request.max_resource.value_or(world_.resource().max));
  perhaps_fail(request.id, does);
  return does;
}

void WorldTrials::apply(const Event& event) {
  if (const auto* reported = std::get_if<Reported>(&event.body))
    ++begun_.at(reported->id.trial).num_reported;
}

WorldTrials::Begun WorldTrials::begin(const StartRequest& request) {
  const std::string key = world_.space().key(request.configuration);
  const Rng own(options_.seed, "evaluation of " + key, times_run_[key]++);
  const Begun* from = request.checkpoint_from ? &begun_.at(*request.checkpoint_from) : nullptr;
  Begun trial{.evaluation = {}, .chance = from ? from->chance : own};
  Rng chance = trial.chance;
  trial.evaluation = world_.evaluate(request.configuration, chance);
  if (from) take_over(*from, trial);
  return trial;
}

double WorldTrials::value_at(const Begun& trial, std::size_t level) const {
  const auto& curve = trial.evaluation.curve;
  const auto at = static_cast<std::ptrdiff_t>(level) + trial.lead;
  return curve[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(at, 0, std::ssize(curve) - 1))]
      .value;
}

void WorldTrials::take_over(const Begun& from, Begun& trial) const {
  const auto& curve = trial.evaluation.curve;
  trial.num_reported = std::min(from.num_reported, curve.size());
  if (trial.num_reported == 0) return;
  const double reached = value_at(from, from.num_reported - 1);
  const auto cost = [&](std::size_t level) {
    return world_.metric().mode == Mode::Min ? curve[level].value - reached
                                             : reached - curve[level].value;
  };
  // From its own value at that level to where the curve passes the other's.
  std::size_t place = trial.num_reported - 1;
  while (place + 1 < curve.size() && cost(place) > 0) ++place;
  if (cost(trial.num_reported - 1) < 0)
    while (place > 0 && cost(place - 1) <= 0 && cost(place) < 0) --place;
  trial.lead =
      static_cast<std::ptrdiff_t>(place) - static_cast<std::ptrdiff_t>(trial.num_reported - 1);
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
    metrics.set(world_.metric().name, value_at(trial, i));
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
