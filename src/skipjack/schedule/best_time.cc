#include "skipjack/schedule/best_time.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace skipjack {

double BestTime::Times::scatter() const { return std::max(0.0, squares - sum * sum / number); }

void BestTime::add(const std::string& configuration, double logarithm) {
  Times& its = times_[configuration];
  if (its.number > 0) {
    std::multiset<double>& means = means_[its.number];
    means.erase(means.find(its.mean()));
    if (means.empty()) means_.erase(its.number);
    scatter_ -= its.scatter();
    ++degrees_of_freedom_;
  }
  its.add(logarithm);
  means_[its.number].insert(its.mean());
  scatter_ += its.scatter();
}

double BestTime::deviation() const {
  return degrees_of_freedom_ > 0 ? std::sqrt(std::max(0.0, scatter_) / degrees_of_freedom_) : 0.0;
}

std::optional<double> BestTime::upper() const {
  if (means_.empty()) return std::nullopt;
  const double s = deviation();
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [number, means] : means_)
    best = std::min(best, *means.begin() + 2 * s / std::sqrt(number));
  return best;
}

}  // namespace skipjack
