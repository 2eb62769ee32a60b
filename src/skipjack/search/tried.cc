#include "skipjack/search/tried.h"

#include <vector>

namespace skipjack {

TriedConfigurations::Relation TriedConfigurations::update(const History& history) {
  const auto& trials = history.trials();
  const bool continues = num_seen_ <= trials.size() &&
                         (num_seen_ == 0 || trials[num_seen_ - 1].configuration == last_seen_);
  if (!continues) keys_.clear(), num_seen_ = 0;
  for (; num_seen_ < trials.size(); ++num_seen_)
    keys_.insert(space_.key(trials[num_seen_].configuration));
  if (num_seen_ > 0) last_seen_ = trials[num_seen_ - 1].configuration;
  return continues ? Relation::Continuation : Relation::Other;
}

bool TriedConfigurations::enumerable() const {
  const auto cardinality = space_.cardinality();
  return cardinality && *cardinality <= kEnumerable;
}

std::optional<Configuration> TriedConfigurations::pick_untried(Rng& rng) const {
  std::vector<std::int64_t> left;
  for (std::int64_t i = 0; i < *space_.cardinality(); ++i) {
    const Configuration configuration = space_.configuration_at(i);
    if (space_.satisfies_constraints(configuration) && !contains(configuration)) left.push_back(i);
  }
  if (left.empty()) return std::nullopt;
  const auto last = static_cast<std::int64_t>(left.size()) - 1;
  return space_.configuration_at(left[static_cast<std::size_t>(rng.uniform_int(0, last))]);
}

}  // namespace skipjack
