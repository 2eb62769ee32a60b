// Bayesian optimisation: a Gaussian process of the metric, and the configuration that maximises the
// logarithm of the expected improvement on the best posterior mean among the evaluated ones. The
// noise is learned, and a noisy configuration may be proposed again. Failed configurations are
// kept: as bad values, as never to be proposed, and, from three on, as data of a second process
// that says how likely a candidate is to work. Measured constraints are processes of their own: the
// improvement counts by the probability that all of them are satisfied. Sources and deviations:
// docs/methods/bayesopt.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "skipjack/search/searcher.h"
#include "skipjack/search/warm_start.h"

namespace skipjack {

struct BayesOptOptions {
  SearchSpace space;
  /// The one metric to optimise.
  Metric metric = {};
  /// To be kept, as measured: of role Constraint. A trial that completes without reporting one
  /// counts as failed.
  std::vector<Metric> constraints = {};
  std::uint64_t seed = 0;
  /// Trials, points_to_evaluate included, before the first that a model proposes; >= 1, and three
  /// must have given a value. More spend the budget blindly, above all in many dimensions; fewer
  /// fit a model to almost nothing (docs/methods/bayesopt.md, "What matters").
  std::int64_t num_initial = 5;
  /// A configuration measured that often is not proposed again; >= 1. Less often where repetitions
  /// show less noise than the process takes the metric to have.
  int max_repeats = 10;
  /// Earlier experiments in other environments: where to begin, and a prior mean as long as they
  /// are trusted (search/transfer.h). Default none.
  std::vector<SourceExperiment> sources = {};
};

/// Throws InvalidArgument for options out of range. Exhausted when every configuration failed, or
/// was measured max_repeats times, or once where the metric shows no noise.
std::unique_ptr<Searcher> make_bayesopt_search(BayesOptOptions options);

}  // namespace skipjack
