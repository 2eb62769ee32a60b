// PASHA's rule [Bohdal2023]. Whether two trials really rank otherwise is judged by epsilon, the
// size of differences that are noise: for pairs of trials whose order went back and forth on the
// way to the highest rung, how far apart they are there; the 90 % quantile of these.
#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/schedule/rung_rule.h"

namespace skipjack {
namespace {

constexpr double kNoiseQuantile = 0.9;  // [Bohdal2023, sec. 4]

/// Scores by level, ascending.
using Curve = std::vector<LevelValue>;

/// Whether their order below their last common level was the opposite at some level, and the same
/// again at a lower one.
bool went_back_and_forth(const Curve& a, const Curve& b) {
  std::optional<bool> order;
  bool was_opposite = false;
  for (auto i = a.rbegin(), j = b.rbegin(); i != a.rend() && j != b.rend();) {
    if (i->resource != j->resource) {
      ++(i->resource > j->resource ? i : j);
      continue;
    }
    const bool now = i->value > j->value;
    if (!order) order = now;
    if (now != *order) was_opposite = true;
    if (was_opposite && now == *order) return true;
    ++i, ++j;
  }
  return false;
}

class PashaRule final : public RungRule {
 public:
  PashaRule(const std::vector<double>& quantiles, LevelOptions levels, Metric metric)
      : halving_(make_quantile_rule(quantiles)),
        levels_(std::move(levels)),
        metric_(std::move(metric)),
        scores_(quantiles.size()) {
    levels_.data = SearcherData::All;
  }

  void enter(std::size_t rung, const RungEntry& entry) override {
    halving_->enter(rung, entry);
    const TrialId trial = entry.trial.id;
    if (!scores_[rung].emplace(trial, entry.scores.front()).second || rung != top_) return;
    take_noise(entry.trial, levels_.rung_levels[rung]);
    if (!is_ranking_stable()) {
      ++top_;
      curves_.clear();
      noise_ = RunningQuantile(kNoiseQuantile);
    }
  }
  bool goes_on(std::size_t rung, TrialId trial) const override {
    return rung < top_ && halving_->goes_on(rung, trial);
  }
  void offer(std::size_t rung, TrialId trial) override { halving_->offer(rung, trial); }
  void withdraw(std::size_t rung, TrialId trial) override { halving_->withdraw(rung, trial); }
  std::optional<TrialId> promotable(std::size_t rung) const override {
    return rung < top_ ? halving_->promotable(rung) : std::nullopt;
  }
  std::vector<TrialId> offered(std::size_t rung) const override {
    return rung < top_ ? halving_->offered(rung) : std::vector<TrialId>{};
  }

 private:
  /// Pairs of the trial with those that came to the highest rung before it.
  void take_noise(const Trial& trial, std::int64_t level) {
    Curve curve = level_values(trial, metric_.name, levels_);
    while (!curve.empty() && curve.back().resource > level) curve.pop_back();
    if (curve.empty() || curve.back().resource != level) return;  // not finite there
    for (const Curve& other : curves_)
      if (went_back_and_forth(curve, other))
        noise_.add(std::abs(curve.back().value - other.back().value));
    curves_.push_back(std::move(curve));
    epsilon_ = noise_.value().value_or(epsilon_);
  }

  /// The trials of the highest rung, in the order that they have there and in the one they have in
  /// the rung below it: none is farther than epsilon from what is in its place.
  bool is_ranking_stable() const {
    using Place = std::pair<double, TrialId>;
    std::vector<Place> high, low;
    for (const auto& [trial, score] : scores_[top_]) {
      const auto below = scores_[top_ - 1].find(trial);
      if (below == scores_[top_ - 1].end()) continue;
      high.emplace_back(score, trial);
      low.emplace_back(below->second, trial);
    }
    std::sort(high.begin(), high.end());
    std::sort(low.begin(), low.end());
    for (std::size_t i = 0; i < high.size(); ++i) {
      const double its = scores_[top_ - 1].at(high[i].second), in_place = low[i].first;
      if (its != in_place && !(std::abs(its - in_place) <= epsilon_)) return false;
    }
    return true;
  }

  std::unique_ptr<RungRule> halving_;
  LevelOptions levels_;
  Metric metric_;
  /// By rung.
  std::vector<std::unordered_map<TrialId, double>> scores_;
  /// The highest rung in use: nothing is promoted from it. Behind the last one: max_t itself.
  std::size_t top_ = 1;
  /// Of the trials in the highest rung.
  std::vector<Curve> curves_;
  RunningQuantile noise_{kNoiseQuantile};
  /// Stays what it was in the rung before until there is a pair.
  double epsilon_ = 0;
};

}  // namespace

std::unique_ptr<RungRule> make_pasha_rule(const std::vector<double>& quantiles, LevelOptions levels,
                                          Metric metric) {
  return std::make_unique<PashaRule>(quantiles, std::move(levels), std::move(metric));
}

}  // namespace skipjack
