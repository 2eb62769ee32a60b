#include "skipjack/schedule/rung_rule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_map>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

/// The score of a rule for one objective.
double only_score(const RungEntry& entry) {
  SKIPJACK_CHECK(!entry.scores.empty());
  return entry.scores.front();
}

std::vector<Rung> rungs_of(const std::vector<double>& quantiles) {
  std::vector<Rung> rungs;
  for (const double quantile : quantiles) rungs.emplace_back(quantile);
  return rungs;
}

std::vector<TrialId> trials_of(const std::set<std::pair<double, TrialId>>& ordered) {
  std::vector<TrialId> trials;
  for (const auto& [score, trial] : ordered) trials.push_back(trial);
  return trials;
}

class QuantileRule final : public RungRule {
 public:
  explicit QuantileRule(const std::vector<double>& quantiles) : rungs_(rungs_of(quantiles)) {}

  void enter(std::size_t rung, const RungEntry& entry) override {
    rungs_[rung].enter(entry.trial.id, only_score(entry));
  }
  bool goes_on(std::size_t rung, TrialId trial) const override {
    const auto score = rungs_[rung].score(trial);
    return score && rungs_[rung].is_within_cutoff(*score);
  }
  void offer(std::size_t rung, TrialId trial) override { rungs_[rung].offer(trial); }
  void withdraw(std::size_t rung, TrialId trial) override { rungs_[rung].withdraw(trial); }
  std::optional<TrialId> promotable(std::size_t rung) const override {
    const auto& offered = rungs_[rung].offered();
    if (offered.empty() || !rungs_[rung].cutoff() ||
        !rungs_[rung].is_within_cutoff(offered.begin()->first))
      return std::nullopt;
    return offered.begin()->second;
  }
  std::vector<TrialId> offered(std::size_t rung) const override {
    return trials_of(rungs_[rung].offered());
  }

 private:
  std::vector<Rung> rungs_;
};

/// The trials of a rung, best first, split behind the last one up to which costs are within their
/// share.
class CostRung {
 public:
  explicit CostRung(double share) : share_(share) {}

  void enter(TrialId trial, double score, double cost) {
    if (!entries_.emplace(trial, Entry{score, cost}).second) return;
    total_ += cost;
    const Place place{score, trial};
    if (!within_.empty() && place < *within_.rbegin())
      within_.insert(place), within_cost_ += cost;
    else
      beyond_.insert(place);
    move_bound();
  }
  bool is_within(TrialId trial) const {
    const auto at = entries_.find(trial);
    return at != entries_.end() && std::isfinite(at->second.score) &&
           within_.contains({at->second.score, trial});
  }
  std::size_t size() const { return entries_.size(); }
  void offer(TrialId trial) { offered_.insert({entries_.at(trial).score, trial}); }
  void withdraw(TrialId trial) {
    if (const auto at = entries_.find(trial); at != entries_.end())
      offered_.erase({at->second.score, trial});
  }
  const std::set<std::pair<double, TrialId>>& offered() const { return offered_; }

 private:
  using Place = std::pair<double, TrialId>;
  struct Entry {
    double score = 0, cost = 0;
  };

  double cost_of(const Place& place) const { return entries_.at(place.second).cost; }
  void move_bound() {
    // Sums differ in their last digits by the order of adding: equal costs must split at n q.
    const double bound = share_ * total_ * (1 + 1e-9);
    while (!within_.empty() && within_cost_ > bound) {
      const auto last = std::prev(within_.end());
      within_cost_ -= cost_of(*last);
      beyond_.insert(within_.extract(last));
    }
    while (!beyond_.empty() && within_cost_ + cost_of(*beyond_.begin()) <= bound) {
      within_cost_ += cost_of(*beyond_.begin());
      within_.insert(beyond_.extract(beyond_.begin()));
    }
  }

  double share_;
  double total_ = 0, within_cost_ = 0;
  std::unordered_map<TrialId, Entry> entries_;
  std::set<Place> within_, beyond_, offered_;
};

class CostRule final : public RungRule {
 public:
  explicit CostRule(const std::vector<double>& quantiles) {
    for (const double quantile : quantiles) rungs_.emplace_back(quantile);
  }

  void enter(std::size_t rung, const RungEntry& entry) override {
    rungs_[rung].enter(entry.trial.id, only_score(entry), entry.cost);
  }
  bool goes_on(std::size_t rung, TrialId trial) const override {
    return rungs_[rung].size() < 2 || rungs_[rung].is_within(trial);
  }
  void offer(std::size_t rung, TrialId trial) override { rungs_[rung].offer(trial); }
  void withdraw(std::size_t rung, TrialId trial) override { rungs_[rung].withdraw(trial); }
  std::optional<TrialId> promotable(std::size_t rung) const override {
    const CostRung& its = rungs_[rung];
    if (its.size() < 2 || its.offered().empty()) return std::nullopt;
    const TrialId best = its.offered().begin()->second;
    return its.is_within(best) ? std::optional(best) : std::nullopt;
  }
  std::vector<TrialId> offered(std::size_t rung) const override {
    return trials_of(rungs_[rung].offered());
  }

 private:
  std::vector<CostRung> rungs_;
};

class RushRule final : public RungRule {
 public:
  RushRule(const std::vector<double>& quantiles, std::int64_t num_candidates)
      : rungs_(rungs_of(quantiles)),
        offered_candidates_(quantiles.size()),
        thresholds_(quantiles.size(), std::numeric_limits<double>::infinity()),
        num_candidates_(num_candidates) {
    if (num_candidates < 1)
      throw Error(ErrorCode::InvalidArgument,
                  "num_threshold_candidates = " + std::to_string(num_candidates) + " must be >= 1",
                  "they are the first of points_to_evaluate, which set what others must reach");
  }

  void enter(std::size_t rung, const RungEntry& entry) override {
    const double score = only_score(entry);
    rungs_[rung].enter(entry.trial.id, score);
    if (is_candidate(entry.trial.id)) thresholds_[rung] = std::min(thresholds_[rung], score);
  }
  bool goes_on(std::size_t rung, TrialId trial) const override {
    const auto score = rungs_[rung].score(trial);
    return score && rungs_[rung].is_within_cutoff(*score) && meets(rung, trial, *score);
  }
  void offer(std::size_t rung, TrialId trial) override {
    rungs_[rung].offer(trial);
    if (is_candidate(trial)) offered_candidates_[rung].emplace(*rungs_[rung].score(trial), trial);
  }
  void withdraw(std::size_t rung, TrialId trial) override {
    rungs_[rung].withdraw(trial);
    if (const auto score = rungs_[rung].score(trial))
      offered_candidates_[rung].erase({*score, trial});
  }
  std::optional<TrialId> promotable(std::size_t rung) const override {
    if (!rungs_[rung].cutoff()) return std::nullopt;
    // If the best one misses the threshold, so do all others that have to meet it.
    for (const auto* offered : {&rungs_[rung].offered(), &offered_candidates_[rung]}) {
      if (offered->empty()) continue;
      const auto& [score, trial] = *offered->begin();
      if (rungs_[rung].is_within_cutoff(score) && meets(rung, trial, score)) return trial;
    }
    return std::nullopt;
  }
  std::vector<TrialId> offered(std::size_t rung) const override {
    return trials_of(rungs_[rung].offered());
  }

 private:
  bool is_candidate(TrialId trial) const { return trial < num_candidates_; }
  bool meets(std::size_t rung, TrialId trial, double score) const {
    return is_candidate(trial) || score <= thresholds_[rung];
  }

  std::vector<Rung> rungs_;
  std::vector<std::set<std::pair<double, TrialId>>> offered_candidates_;
  /// Best of the candidates' scores, by rung.
  std::vector<double> thresholds_;
  std::int64_t num_candidates_;
};

}  // namespace

std::unique_ptr<RungRule> make_quantile_rule(const std::vector<double>& quantiles) {
  return std::make_unique<QuantileRule>(quantiles);
}

std::unique_ptr<RungRule> make_cost_rule(const std::vector<double>& quantiles) {
  return std::make_unique<CostRule>(quantiles);
}

std::unique_ptr<RungRule> make_rush_rule(const std::vector<double>& quantiles,
                                         std::int64_t num_candidates) {
  return std::make_unique<RushRule>(quantiles, num_candidates);
}

}  // namespace skipjack
