#include "skipjack/search/zero_shot.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "skipjack/search/random.h"
#include "skipjack/search/source_model.h"
#include "skipjack/search/source_table.h"
#include "skipjack/search/tried.h"

namespace skipjack {
namespace {

using Ranks = std::vector<std::vector<double>>;

// In all, shared out between the sources.
constexpr std::size_t kMaxCandidates = 1000;
constexpr double kNothingYet = std::numeric_limits<double>::infinity();

/// The better half of each source, by their numbers in the table, ascending.
std::vector<std::size_t> candidates_of(const SourceTable& table) {
  std::vector<std::size_t> candidates;
  const std::size_t share =
      std::max<std::size_t>(1, kMaxCandidates / std::max<std::size_t>(1, table.sources.size()));
  for (const auto& entries : table.sources)
    for (std::size_t i = 0; i < std::min((entries.size() + 1) / 2, share); ++i)
      candidates.push_back(entries[i].configuration);
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  return candidates;
}

/// How good the candidates are in a source: as measured if it measured all of them, else as its
/// model says. nullopt if it has too few values for a model.
std::optional<std::vector<double>> targets_of(const SourceExperiment& source,
                                              const std::vector<SourceTable::Entry>& entries,
                                              const std::vector<std::size_t>& candidates,
                                              const UnitSpace& space,
                                              std::span<const UnitPoint> points) {
  std::vector<double> targets(candidates.size());
  std::size_t num_measured = 0;
  for (const SourceTable::Entry& entry : entries) {
    const auto at = std::lower_bound(candidates.begin(), candidates.end(), entry.configuration);
    if (!entry.exact || at == candidates.end() || *at != entry.configuration) continue;
    targets[static_cast<std::size_t>(at - candidates.begin())] = entry.target;
    ++num_measured;
  }
  if (num_measured == candidates.size()) return targets;
  const SourceModels model(space, std::span(&source, 1));
  if (model.size() == 0) return std::nullopt;
  const Eigen::VectorXd said = model.predict(points).col(0);
  return std::vector<double>(said.begin(), said.end());
}

std::vector<Configuration> portfolio_of(const ZeroShotOptions& options) {
  const SourceTable table = tabulate_sources(options.space, options.sources);
  const std::vector<std::size_t> candidates = candidates_of(table);
  if (candidates.empty()) return {};
  const UnitSpace space(options.space);
  std::vector<UnitPoint> points;
  for (const std::size_t number : candidates)
    points.push_back(options.space.encode(table.configurations[number]));
  Ranks ranks;
  for (std::size_t s = 0; s < options.sources.size(); ++s)
    if (const auto targets =
            targets_of(options.sources[s], table.sources[s], candidates, space, points))
      ranks.push_back(shared_ranks(*targets));
  // Nothing tells them from each other: in the order of the sources.
  if (ranks.empty()) ranks.emplace_back(candidates.size(), 1.0);
  std::vector<Configuration> portfolio;
  for (const std::size_t i : portfolio_order(ranks))
    portfolio.push_back(table.configurations[candidates[i]]);
  return portfolio;
}

class ZeroShotSearch final : public Searcher {
 public:
  explicit ZeroShotSearch(const ZeroShotOptions& options)
      : portfolio_(portfolio_of(options)),
        tried_(options.space),
        random_(make_random_search({.space = options.space, .seed = options.seed})) {}

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    if (tried_.update(history) == TriedConfigurations::Relation::Other) next_ = 0;
    while (next_ < portfolio_.size() && tried_.contains(portfolio_[next_])) ++next_;
    if (next_ < portfolio_.size()) return Proposal{.configuration = portfolio_[next_]};
    return random_->suggest(history, context);
  }

 private:
  std::vector<Configuration> portfolio_;
  TriedConfigurations tried_;
  std::unique_ptr<Searcher> random_;
  /// All before it were tried.
  std::size_t next_ = 0;
};

}  // namespace

std::vector<std::size_t> portfolio_order(const Ranks& ranks) {
  const std::size_t size = ranks.empty() ? 0 : ranks.front().size();
  std::vector<std::size_t> order;
  std::vector<bool> used(size);
  std::vector<double> best(ranks.size(), kNothingYet);
  while (order.size() < size) {
    std::optional<std::size_t> next;
    double least = 0, so_far = 0;
    for (const double rank : best) so_far += rank;
    for (std::size_t i = 0; i < size; ++i) {
      if (used[i]) continue;
      double sum = 0;
      for (std::size_t s = 0; s < ranks.size(); ++s) sum += std::min(best[s], ranks[s][i]);
      if (!next || sum < least) next = i, least = sum;
    }
    if (!(least < so_far)) {
      best.assign(ranks.size(), kNothingYet);
      continue;
    }
    for (std::size_t s = 0; s < ranks.size(); ++s) best[s] = std::min(best[s], ranks[s][*next]);
    used[*next] = true;
    order.push_back(*next);
  }
  return order;
}

std::unique_ptr<Searcher> make_zero_shot_search(ZeroShotOptions options) {
  return std::make_unique<ZeroShotSearch>(options);
}

}  // namespace skipjack
