// Searchers propose configurations from the history. Each lives in its own file behind a factory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "skipjack/trial/history.h"

namespace skipjack {

struct SuggestContext {
  /// Resource level at which the proposal will be measured first, where the scheduler has levels.
  std::optional<std::int64_t> resource;
  int bracket = 0;
  /// Fraction of the experiment's budget (time, trials, whichever is nearest to its end) still
  /// there, in [0, 1]; unset if there is no bound.
  std::optional<double> remaining_fraction;
};

/// A configuration to measure; it may be one already measured.
struct Proposal {
  Configuration configuration;
  /// Set when a model was fitted for it: goes to the journal and comes back through restore().
  std::optional<Json> fitted = std::nullopt;
};
/// Nothing before more is known.
struct WaitForResults {};
/// Nothing, ever: the space is used up.
struct Exhausted {};
using Suggestion = std::variant<Proposal, WaitForResults, Exhausted>;

/// Not thread-safe. A suggestion is a function of the history (running trials are pending), the
/// context and what restore() was last given; chance is Rng(seed, "suggest", number of trials in
/// the history).
class Searcher {
 public:
  virtual ~Searcher() = default;
  virtual Suggestion suggest(const History& history, const SuggestContext& context) = 0;
  /// Model parameters of an earlier fit, from the journal. Searchers without a model ignore it.
  virtual void restore(const Json& fitted) { (void)fitted; }
  /// Larger is better; empty if this searcher can't compare configurations.
  virtual std::vector<double> score(const History& history,
                                    std::span<const Configuration> configurations,
                                    std::optional<std::int64_t> resource) {
    (void)history, (void)configurations, (void)resource;
    return {};
  }
};

}  // namespace skipjack
