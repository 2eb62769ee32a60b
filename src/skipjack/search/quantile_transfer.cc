#include "skipjack/search/quantile_transfer.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/model/forest.h"
#include "skipjack/model/normal.h"
#include "skipjack/search/admission.h"
#include "skipjack/search/random.h"
#include "skipjack/search/source_table.h"
#include "skipjack/search/tried.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

constexpr std::size_t kMinRows = 3;
// Of each source: into the pool, with copies.
constexpr std::size_t kBestOfSource = 5;

struct Rows {
  std::vector<UnitPoint> points;
  std::vector<double> scores;
};

/// Scores are within the whole source; of its rows an even choice, best to worst, is kept.
Rows rows_of(const SearchSpace& space, const SourceTable& table, std::size_t max_rows) {
  Rows rows;
  const std::size_t share = std::max<std::size_t>(1, max_rows / table.sources.size());
  for (const auto& entries : table.sources) {
    std::vector<double> targets;
    std::vector<std::size_t> numbers;
    for (const SourceTable::Entry& entry : entries) {
      if (!entry.exact) continue;
      targets.push_back(entry.target);
      numbers.push_back(entry.configuration);
    }
    const std::vector<double> scores = normal_scores(targets);
    const std::size_t kept = std::min(share, scores.size());
    for (std::size_t i = 0; i < kept && rows.points.size() < max_rows; ++i) {
      const std::size_t at = i * scores.size() / kept;
      rows.points.push_back(space.encode(table.configurations[numbers[at]]));
      rows.scores.push_back(scores[at]);
    }
  }
  return rows;
}

std::vector<UnitPoint> best_points_of(const SearchSpace& space, const SourceTable& table) {
  std::vector<UnitPoint> best;
  for (const auto& entries : table.sources)
    for (std::size_t i = 0; i < std::min(entries.size(), kBestOfSource); ++i) {
      UnitPoint point = space.encode(table.configurations[entries[i].configuration]);
      if (std::find(best.begin(), best.end(), point) == best.end())
        best.push_back(std::move(point));
    }
  return best;
}

class QuantileTransfer final : public Searcher {
 public:
  explicit QuantileTransfer(QuantileTransferOptions options)
      : options_(std::move(options)),
        unit_space_(options_.space),
        tried_(options_.space),
        random_(make_random_search({.space = options_.space, .seed = options_.seed})) {
    const auto check = [](const char* name, std::int64_t value, std::int64_t lower) {
      if (value < lower || value > 100'000)
        throw Error(ErrorCode::InvalidArgument, std::string(name) + " = " + std::to_string(value) +
                                                    " must be in [" + std::to_string(lower) +
                                                    ", 100000]");
    };
    check("num_candidates", options_.num_candidates, 1);
    check("max_fit_samples", options_.max_fit_samples, 3);
    if (!options_.sources.empty() && options_.space.dimension() > 0) learn();
    options_.sources.clear();
  }

  Suggestion suggest(const History& history, const SuggestContext& context) override {
    tried_.update(history);
    Rng rng(options_.seed, "suggest", history.trials().size());
    std::vector<std::pair<double, std::size_t>> draws;
    draws.reserve(pool_.size());
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      const auto at = static_cast<Index>(i);
      draws.emplace_back(believed_.mean[at] + std::sqrt(believed_.variance[at]) * rng.normal(), i);
    }
    std::sort(draws.begin(), draws.end());
    for (const auto& [draw, i] : draws) {
      Configuration configuration = options_.space.decode(pool_[i]);
      if (!tried_.contains(configuration))
        return Proposal{.configuration = std::move(configuration)};
    }
    return random_->suggest(history, context);
  }

  std::vector<double> score(const History&, std::span<const Configuration> configurations,
                            std::optional<std::int64_t>) override {
    if (!forest_ || configurations.empty()) return {};
    std::vector<UnitPoint> points;
    for (const Configuration& c : configurations) points.push_back(options_.space.encode(c));
    const VectorXd mean = forest_->predict(to_matrix(points, unit_space_.dimension())).mean;
    std::vector<double> scores;
    for (const double m : mean) scores.push_back(-m);
    return scores;
  }

 private:
  void learn() {
    const SourceTable table = tabulate_sources(options_.space, options_.sources);
    const Rows rows =
        rows_of(options_.space, table, static_cast<std::size_t>(options_.max_fit_samples));
    if (rows.points.size() < kMinRows) return;
    Rng rng(options_.seed, "pool", 0);
    ForestOptions forest;
    // Sharper leaves would take every source's noise for something of the place.
    forest.tree.min_leaf_weight = 3;
    forest.seed = rng.next();
    const std::size_t dimension = unit_space_.dimension();
    forest_.emplace(TreeInputs(to_matrix(rows.points, dimension), unit_space_.kinds()),
                    VectorXd(Eigen::Map<const VectorXd>(rows.scores.data(),
                                                        static_cast<Index>(rows.scores.size()))),
                    forest);
    const std::vector<UnitPoint> best = best_points_of(options_.space, table);
    pool_ = draw_candidates(
        unit_space_, Admission(unit_space_, {}, Duplicates::Avoid),
        {.num_random = static_cast<std::size_t>(options_.num_candidates), .good = best}, rng);
    pool_.insert(pool_.end(), best.begin(), best.end());
    believed_ = forest_->predict(to_matrix(pool_, dimension));
  }

  QuantileTransferOptions options_;
  UnitSpace unit_space_;
  TriedConfigurations tried_;
  std::unique_ptr<Searcher> random_;
  /// Empty, and no pool, if there is nothing to learn from.
  std::optional<Forest> forest_;
  std::vector<UnitPoint> pool_;
  ForestPrediction believed_;
};

}  // namespace

std::vector<double> normal_scores(std::span<const double> values) {
  std::vector<double> scores = shared_ranks(values);
  for (double& score : scores)
    score = normal_quantile((score - 0.5) / static_cast<double>(values.size()));
  return scores;
}

std::unique_ptr<Searcher> make_quantile_transfer_search(QuantileTransferOptions options) {
  return std::make_unique<QuantileTransfer>(std::move(options));
}

}  // namespace skipjack
