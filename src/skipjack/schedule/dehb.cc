//   F    mutation factor
//   N_k  members of the population at level k: the most places that a rung has there
#include "skipjack/schedule/dehb.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/base/rng.h"
#include "skipjack/schedule/sync_scheduler.h"

namespace skipjack {
namespace {

constexpr int kMaxDraws = 100;
/// Mutation takes that many members that differ.
constexpr std::size_t kParents = 3;

using Point = std::vector<double>;

/// Of one level. A place without a loss has never been filled.
struct Individual {
  Point point;
  std::optional<double> loss;
};
struct Population {
  std::vector<Individual> places;
  /// Whose place the next trial is after.
  std::size_t next = 0;
};

std::vector<const Individual*> evaluated(const Population& population) {
  std::vector<const Individual*> found;
  for (const Individual& individual : population.places)
    if (individual.loss) found.push_back(&individual);
  return found;
}

class Evolution final : public SyncProposer {
 public:
  Evolution(DehbOptions options, const std::vector<std::vector<SyncRung>>& ladders)
      : options_(std::move(options)), num_ladders_(ladders.size()) {
    for (const auto& ladder : ladders)
      for (const SyncRung& rung : ladder) {
        auto& places = populations_[rung.level].places;
        places.resize(std::max(places.size(), static_cast<std::size_t>(rung.size)));
      }
  }

  Suggestion propose(const SchedulerView& view, const SyncPlace& place) override {
    const std::size_t number = view.history.trials().size();
    if (number < options_.points_to_evaluate.size())
      return Proposal{.configuration = options_.points_to_evaluate[number]};
    const Population& population = populations_.at(place.ladder_rung.level);
    const Individual& target = population.places[population.next % population.places.size()];
    const bool is_first_cycle = place.bracket < num_ladders_;
    Rng rng(options_.seed, "evolve", number);
    if (target.loss || !is_first_cycle) {
      const std::vector<const Individual*> parents = parents_for(place, rng);
      for (int i = 0; i < kMaxDraws && parents.size() >= kParents; ++i) {
        Configuration child = options_.space.decode(child_of(target, parents, rng));
        if (!tried_.contains(options_.space.key(child)) &&
            options_.space.satisfies_constraints(child))
          return Proposal{.configuration = std::move(child)};
      }
    }
    return options_.searcher->suggest(view.history,
                                      {.resource = place.ladder_rung.level,
                                       .bracket = static_cast<int>(place.bracket % num_ladders_),
                                       .remaining_fraction = view.remaining_fraction});
  }

  void begin(const Trial& trial, const SyncPlace& place) override {
    Population& population = populations_.at(place.ladder_rung.level);
    after_[trial.id] = {.level = place.ladder_rung.level,
                        .place = population.next++ % population.places.size(),
                        .point = options_.space.encode(trial.configuration)};
    tried_.insert(options_.space.key(trial.configuration));
  }

  void finish(TrialId trial, std::optional<double> loss) override {
    const auto at = after_.find(trial);
    if (at == after_.end()) return;
    Individual& member = populations_.at(at->second.level).places[at->second.place];
    if (loss && std::isfinite(*loss) && (!member.loss || *loss <= *member.loss))
      member = {.point = std::move(at->second.point), .loss = loss};
    after_.erase(at);
  }

  void restore(const Json& fitted) override { options_.searcher->restore(fitted); }

 private:
  /// On the first rung of a bracket all members of its level; on others as many of the best of the
  /// level below as the rung has places. Where they are fewer than three, some of all others.
  std::vector<const Individual*> parents_for(const SyncPlace& place, Rng& rng) const {
    const auto own = populations_.find(place.ladder_rung.level);
    std::vector<const Individual*> parents;
    if (place.rung == 0) {
      parents = evaluated(own->second);
    } else {
      parents = evaluated(std::prev(own)->second);
      std::stable_sort(parents.begin(), parents.end(),
                       [](const auto* a, const auto* b) { return *a->loss < *b->loss; });
      parents.resize(std::min(parents.size(), static_cast<std::size_t>(place.ladder_rung.size)));
    }
    if (parents.size() >= kParents) return parents;
    std::vector<const Individual*> others;
    for (const auto& [level, population] : populations_)
      for (const Individual* individual : evaluated(population))
        if (std::find(parents.begin(), parents.end(), individual) == parents.end())
          others.push_back(individual);
    rng.shuffle(others);
    others.resize(std::min(others.size(), kParents - parents.size()));
    parents.insert(parents.end(), others.begin(), others.end());
    return parents;
  }

  /// rand/1/bin.
  Point child_of(const Individual& target, const std::vector<const Individual*>& parents,
                 Rng& rng) const {
    std::array<std::size_t, kParents> chosen{};
    for (std::size_t i = 0; i < kParents; ++i) {
      do {
        chosen[i] = static_cast<std::size_t>(
            rng.uniform_int(0, static_cast<std::int64_t>(parents.size()) - 1));
      } while (std::find(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(i),
                         chosen[i]) != chosen.begin() + static_cast<std::ptrdiff_t>(i));
    }
    const auto& [base, plus, minus] =
        std::tie(parents[chosen[0]]->point, parents[chosen[1]]->point, parents[chosen[2]]->point);
    Point child;
    for (std::size_t k = 0; k < base.size(); ++k) {
      const double moved = base[k] + options_.mutation_factor * (plus[k] - minus[k]);
      child.push_back(moved >= 0 && moved <= 1 ? moved : rng.uniform());
    }
    if (!target.loss || child.empty()) return child;
    const auto always =
        static_cast<std::size_t>(rng.uniform_int(0, static_cast<std::int64_t>(child.size()) - 1));
    for (std::size_t k = 0; k < child.size(); ++k)
      if (k != always && !rng.bernoulli(options_.crossover_probability)) child[k] = target.point[k];
    return child;
  }

  struct Running {
    std::int64_t level = 0;
    std::size_t place = 0;
    Point point;
  };

  DehbOptions options_;
  std::size_t num_ladders_;
  std::map<std::int64_t, Population> populations_;
  std::map<TrialId, Running> after_;
  /// By SearchSpace::key.
  std::set<std::string> tried_;
};

void validate(const DehbOptions& o) {
  if (!o.searcher)
    throw Error(ErrorCode::InvalidArgument, "searcher = null: DEHB needs members to begin with");
  if (!(o.mutation_factor > 0 && o.mutation_factor <= 2))
    throw Error(ErrorCode::InvalidArgument,
                "mutation_factor = " + shortest_decimal(o.mutation_factor) + " must be in (0, 2]");
  if (!(o.crossover_probability >= 0 && o.crossover_probability <= 1))
    throw Error(ErrorCode::InvalidArgument,
                "crossover_probability = " + shortest_decimal(o.crossover_probability) +
                    " must be in [0, 1]");
}

}  // namespace

std::unique_ptr<Scheduler> make_dehb(DehbOptions options) {
  validate(options);
  auto ladders = sync_ladders(options.resource, options.brackets);
  const std::size_t num_ladders = ladders.size();
  Metric metric = options.metric;
  ResourceOptions resource = options.resource;
  auto proposer = std::make_unique<Evolution>(std::move(options), ladders);
  return make_sync_scheduler({.proposer = std::move(proposer),
                              .metric = std::move(metric),
                              .resource = std::move(resource),
                              .ladders = std::move(ladders),
                              .advance = [num_ladders](std::size_t bracket) {
                                return bracket < num_ladders ? Advance::Promote : Advance::Renew;
                              }});
}

}  // namespace skipjack
