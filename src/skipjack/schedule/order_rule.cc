#include "skipjack/schedule/order_rule.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <utility>

namespace skipjack {
namespace {

/// What came to one rung.
class OrderedRung {
 public:
  OrderedRung(double quantile, const ScoreOrder& order) : quantile_(quantile), order_(order) {}

  void enter(TrialId trial, const std::vector<double>& scores) {
    if (!index_of_.emplace(trial, trials_.size()).second) return;
    trials_.push_back(trial);
    scores_.push_back(scores);
    places_.resize(trials_.size());
    std::size_t place = 0;
    for (const std::size_t i : order_(scores_)) places_[i] = place++;
    by_place_.clear();
    for (const TrialId offered : offered_) by_place_.emplace(place_of(offered), offered);
  }
  void offer(TrialId trial) {
    if (index_of_.contains(trial) && offered_.insert(trial).second)
      by_place_.emplace(place_of(trial), trial);
  }
  void withdraw(TrialId trial) {
    if (offered_.erase(trial) > 0) by_place_.erase({place_of(trial), trial});
  }

  bool is_within(TrialId trial) const {
    const auto at = index_of_.find(trial);
    if (at == index_of_.end()) return false;
    const std::vector<double>& scores = scores_[at->second];
    return std::all_of(scores.begin(), scores.end(), [](double s) { return std::isfinite(s); }) &&
           static_cast<double>(places_[at->second]) <=
               quantile_ * static_cast<double>(trials_.size() - 1);
  }
  std::size_t size() const { return trials_.size(); }
  /// Those on offer, best first.
  const std::set<std::pair<std::size_t, TrialId>>& offered() const { return by_place_; }

 private:
  std::size_t place_of(TrialId trial) const { return places_[index_of_.at(trial)]; }

  double quantile_;
  const ScoreOrder& order_;
  /// By the order in which they came.
  std::vector<TrialId> trials_;
  std::vector<std::vector<double>> scores_;
  std::vector<std::size_t> places_;
  std::unordered_map<TrialId, std::size_t> index_of_;
  std::set<TrialId> offered_;
  std::set<std::pair<std::size_t, TrialId>> by_place_;
};

class OrderRule final : public RungRule {
 public:
  OrderRule(const std::vector<double>& quantiles, ScoreOrder order) : order_(std::move(order)) {
    for (const double quantile : quantiles) rungs_.emplace_back(quantile, order_);
  }

  void enter(std::size_t rung, const RungEntry& entry) override {
    rungs_[rung].enter(entry.trial.id, entry.scores);
  }
  bool goes_on(std::size_t rung, TrialId trial) const override {
    return rungs_[rung].is_within(trial);
  }
  void offer(std::size_t rung, TrialId trial) override { rungs_[rung].offer(trial); }
  void withdraw(std::size_t rung, TrialId trial) override { rungs_[rung].withdraw(trial); }
  std::optional<TrialId> promotable(std::size_t rung) const override {
    const auto& offered = rungs_[rung].offered();
    if (offered.empty() || rungs_[rung].size() < 2) return std::nullopt;
    const TrialId best = offered.begin()->second;
    return rungs_[rung].is_within(best) ? std::optional(best) : std::nullopt;
  }
  std::vector<TrialId> offered(std::size_t rung) const override {
    std::vector<TrialId> trials;
    for (const auto& [place, trial] : rungs_[rung].offered()) trials.push_back(trial);
    return trials;
  }

 private:
  const ScoreOrder order_;
  std::vector<OrderedRung> rungs_;
};

}  // namespace

std::unique_ptr<RungRule> make_order_rule(const std::vector<double>& quantiles, ScoreOrder order) {
  return std::make_unique<OrderRule>(quantiles, std::move(order));
}

}  // namespace skipjack
