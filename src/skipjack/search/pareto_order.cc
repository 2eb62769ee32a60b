#include "skipjack/search/pareto_order.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "skipjack/model/pareto.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

MatrixXd rows_of(std::span<const std::vector<double>> losses,
                 const std::vector<std::size_t>& indices) {
  const std::size_t m = losses.empty() ? 0 : losses.front().size();
  MatrixXd y(static_cast<Index>(indices.size()), static_cast<Index>(m));
  for (std::size_t i = 0; i < indices.size(); ++i)
    for (std::size_t k = 0; k < m; ++k)
      y(static_cast<Index>(i), static_cast<Index>(k)) = losses[indices[i]][k];
  return y;
}

std::vector<std::size_t> order_within(const MatrixXd& front, FrontOrder front_order) {
  if (front_order == FrontOrder::EpsilonNet) return epsilon_net_order(front);
  const std::vector<double> distances = crowding_distances(front);
  std::vector<std::size_t> order(distances.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return distances[a] > distances[b]; });
  return order;
}

}  // namespace

std::vector<std::size_t> pareto_order(std::span<const std::vector<double>> losses,
                                      FrontOrder front_order) {
  std::vector<std::size_t> finite, order, others;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const bool is_finite = std::all_of(losses[i].begin(), losses[i].end(),
                                       [](double loss) { return std::isfinite(loss); });
    (is_finite ? finite : others).push_back(i);
  }
  const std::vector<std::size_t> numbers = front_numbers(rows_of(losses, finite));
  std::vector<std::vector<std::size_t>> fronts;
  for (std::size_t i = 0; i < finite.size(); ++i) {
    if (numbers[i] >= fronts.size()) fronts.resize(numbers[i] + 1);
    fronts[numbers[i]].push_back(finite[i]);
  }
  for (const std::vector<std::size_t>& front : fronts)
    for (const std::size_t i : order_within(rows_of(losses, front), front_order))
      order.push_back(front[i]);
  order.insert(order.end(), others.begin(), others.end());
  return order;
}

std::vector<std::size_t> pareto_order(std::span<const FinishedTrial> trials,
                                      FrontOrder front_order) {
  std::map<int, std::vector<std::size_t>> by_broken;
  for (std::size_t i = 0; i < trials.size(); ++i) by_broken[trials[i].num_broken].push_back(i);
  std::vector<std::size_t> order;
  for (const auto& [num_broken, indices] : by_broken) {
    std::vector<std::vector<double>> losses;
    for (const std::size_t i : indices) losses.push_back(trials[i].losses());
    for (const std::size_t i : pareto_order(losses, front_order)) order.push_back(indices[i]);
  }
  return order;
}

}  // namespace skipjack
