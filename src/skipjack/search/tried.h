// Which configurations an experiment has already started, by SearchSpace::key. Shared by the
// searchers that propose nothing twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>

#include "skipjack/base/rng.h"
#include "skipjack/trial/history.h"

namespace skipjack {

/// Not thread-safe. A cache: what it answers is a function of the space and the history last given
/// to update().
class TriedConfigurations {
 public:
  explicit TriedConfigurations(SearchSpace space) : space_(std::move(space)) {}

  /// Takes in the trials that are new since the last call; starts over if the history isn't a
  /// continuation of the one seen then. O(new trials). Returns how the history relates to that one.
  enum class Relation { Continuation, Other };
  Relation update(const History& history);

  bool contains(const Configuration& configuration) const {
    return keys_.contains(space_.key(configuration));
  }
  std::size_t size() const { return keys_.size(); }

  /// A configuration that satisfies the constraints and was not tried, each with the same
  /// probability; nullopt if there is none. Goes through the whole space: only for cardinality() <=
  /// kEnumerable.
  std::optional<Configuration> pick_untried(Rng& rng) const;

  static constexpr std::int64_t kEnumerable = 50'000;
  /// True if pick_untried() may be called.
  bool enumerable() const;

 private:
  SearchSpace space_;
  std::unordered_set<std::string> keys_;
  std::size_t num_seen_ = 0;
  Configuration last_seen_;
};

}  // namespace skipjack
