#include "skipjack/schedule/rungs.h"

#include <cmath>

#include "skipjack/base/error.h"

namespace skipjack {

void SplitOrder::add(double value) {
  const bool is_lower = !lower_.empty() && value < *lower_.rbegin();
  const std::size_t k = lower_.size();
  (is_lower ? lower_ : upper_).insert(value);
  set_num_lower(k);
}

void SplitOrder::set_num_lower(std::size_t k) {
  SKIPJACK_CHECK(k <= size());
  while (lower_.size() > k) upper_.insert(lower_.extract(std::prev(lower_.end())));
  while (lower_.size() < k) lower_.insert(upper_.extract(upper_.begin()));
}

void RunningQuantile::add(double value) {
  order_.add(value);
  order_.set_num_lower(static_cast<std::size_t>(q_ * static_cast<double>(size() - 1)) + 1);
}

std::optional<double> RunningQuantile::value() const {
  if (size() == 0) return std::nullopt;
  const double low = order_.largest_lower();
  const double place = q_ * static_cast<double>(size() - 1);
  const double part = place - std::floor(place);
  if (part == 0 || !std::isfinite(order_.smallest_upper())) return low;
  return low + part * (order_.smallest_upper() - low);
}

void Rung::enter(TrialId trial, double score) {
  if (score_of_.emplace(trial, score).second) scores_.add(score);
}

std::optional<double> Rung::score(TrialId trial) const {
  const auto at = score_of_.find(trial);
  return at == score_of_.end() ? std::nullopt : std::optional(at->second);
}

std::optional<double> Rung::cutoff() const { return size() < 2 ? std::nullopt : scores_.value(); }

bool Rung::is_within_cutoff(double score) const {
  const auto bound = cutoff();
  return !bound || (std::isfinite(score) && score <= *bound);
}

void Rung::offer(TrialId trial) {
  const auto its = score(trial);
  SKIPJACK_CHECK(its.has_value());
  offered_.emplace(*its, trial);
}

void Rung::withdraw(TrialId trial) {
  if (const auto its = score(trial)) offered_.erase({*its, trial});
}

}  // namespace skipjack
