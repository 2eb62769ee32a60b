#include "skipjack/model/tree.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// A gain below this part of the terms that it is a difference of is rounding.
constexpr double kRounding = 1e-12;

// A threshold t with low <= t < high, in the middle where there is one.
double between(double low, double high) {
  const double middle = std::midpoint(low, high);
  return middle < high ? middle : low;
}

}  // namespace

std::int32_t RegressionTree::leaf(const double* x) const {
  std::int32_t at = 0;
  for (int level = 0; level < depth; ++level) {
    const Node& node = nodes[static_cast<std::size_t>(at)];
    if (node.categories_begin == node.categories_end) {
      at = node.left + static_cast<std::int32_t>(x[node.column] > node.threshold);
    } else {
      const auto begin = left_categories.begin() + node.categories_begin;
      const auto end = left_categories.begin() + node.categories_end;
      at = node.left + static_cast<std::int32_t>(std::find(begin, end, x[node.column]) == end);
    }
  }
  return at;
}

void RegressionTree::add_to(const MatrixXd& x_transposed, double scale, VectorXd& sum) const {
  const Index m = x_transposed.cols(), d = x_transposed.rows();
  const double* x = x_transposed.data();
  if (!left_categories.empty() || d == 0) {
    for (Index i = 0; i < m; ++i)
      sum[i] += scale * nodes[static_cast<std::size_t>(leaf(x + i * d))].value;
    return;
  }
  // No branch depends on the data: 0.7 of the time of leaf() for 2000 rows of six inputs.
  const Node* const tree = nodes.data();
  for (Index i = 0; i < m; ++i, x += d) {
    std::int32_t at = 0;
    for (int level = 0; level < depth; ++level)
      at = tree[at].left + static_cast<std::int32_t>(x[tree[at].column] > tree[at].threshold);
    sum[i] += scale * tree[at].value;
  }
}

TreeInputs::TreeInputs(const MatrixXd& x, std::vector<DimensionKind> kinds)
    : rows_(static_cast<std::int32_t>(x.rows())),
      kinds_(std::move(kinds)),
      transposed_(x.transpose()) {
  SKIPJACK_CHECK(rows_ >= 1 && x.cols() == static_cast<Index>(kinds_.size()));
  for (std::size_t k = 0; k < kinds_.size(); ++k) {
    const auto column = x.col(static_cast<Index>(k));
    auto& order = orders_.emplace_back(static_cast<std::size_t>(rows_));
    auto& ranks = ranks_.emplace_back(static_cast<std::size_t>(rows_));
    auto& values = values_.emplace_back();
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return column[a] < column[b]; });
    for (const std::int32_t row : order) {
      if (values.empty() || column[row] > values.back()) values.push_back(column[row]);
      ranks[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(values.size()) - 1;
    }
  }
}

TreeGrower::TreeGrower(const TreeInputs& inputs, const TreeOptions& options)
    : inputs_(inputs),
      options_(options),
      derivatives_(static_cast<std::size_t>(inputs.rows())),
      goes_left_(static_cast<std::size_t>(inputs.rows())),
      orders_(inputs.columns()) {
  SKIPJACK_CHECK(options.max_depth >= 0 && options.max_depth <= 64);
  for (std::size_t k = 0; k < inputs.columns(); ++k)
    if (inputs.values(k).size() > 1) columns_.push_back(k);
}

void TreeGrower::start(std::span<const double> g, std::span<const double> h) {
  SKIPJACK_CHECK(g.size() == derivatives_.size() && h.size() == derivatives_.size());
  rows_.clear();
  for (std::size_t i = 0; i < g.size(); ++i) {
    derivatives_[i] = {g[i], h[i]};
    if (h[i] > 0) rows_.push_back(static_cast<std::int32_t>(i));
  }
  SKIPJACK_CHECK(!rows_.empty());
  const bool all = rows_.size() == g.size();
  for (const std::size_t k : columns_) {
    const auto order = inputs_.order(k);
    orders_[k].assign(order.begin(), order.end());
    if (!all)
      std::erase_if(orders_[k],
                    [&](std::int32_t row) { return !(h[static_cast<std::size_t>(row)] > 0); });
  }
  buffer_.resize(rows_.size());
  leaves_.clear();
}

RegressionTree TreeGrower::grow(std::span<const double> g, std::span<const double> h, Rng& rng) {
  start(g, h);
  RegressionTree tree;
  const auto add_node = [&](const Sums& sums) {
    const auto index = static_cast<std::int32_t>(tree.nodes.size());
    tree.nodes.push_back({.left = index,
                          .threshold = std::numeric_limits<double>::infinity(),
                          .value = sums.g / (sums.h + options_.penalty)});
    return index;
  };
  Sums all;
  for (const std::int32_t row : rows_) {
    all.g += derivatives_[static_cast<std::size_t>(row)].g;
    all.h += derivatives_[static_cast<std::size_t>(row)].h;
  }
  std::vector<Range> open = {{add_node(all), 0, static_cast<std::int32_t>(rows_.size()), 0, all}};
  while (!open.empty()) {
    const Range range = open.back();
    open.pop_back();
    tree.depth = std::max(tree.depth, range.depth);
    Split split;
    if (range.depth < options_.max_depth) split = find_split(range, rng);
    if (!(split.gain > 0)) {
      leaves_.push_back(range);
      continue;
    }
    const std::int32_t middle = divide(range, split);
    const Sums right = {range.sums.g - split.left.g, range.sums.h - split.left.h};
    const std::int32_t left_node = add_node(split.left), right_node = add_node(right);
    auto& node = tree.nodes[static_cast<std::size_t>(range.node)];
    node.left = left_node;
    node.column = static_cast<std::int32_t>(split.column);
    node.threshold = split.threshold;
    node.categories_begin = static_cast<std::int32_t>(tree.left_categories.size());
    for (const std::int32_t rank : split.left_ranks)
      tree.left_categories.push_back(inputs_.values(split.column)[static_cast<std::size_t>(rank)]);
    node.categories_end = static_cast<std::int32_t>(tree.left_categories.size());
    open.push_back({right_node, middle, range.end, range.depth + 1, right});
    open.push_back({left_node, range.begin, middle, range.depth + 1, split.left});
  }
  return tree;
}

std::vector<TreeGrower::Leaf> TreeGrower::leaves() const {
  std::vector<Leaf> result;
  for (const Range& range : leaves_)
    result.push_back(
        {range.node, std::span(rows_).subspan(static_cast<std::size_t>(range.begin),
                                              static_cast<std::size_t>(range.end - range.begin))});
  return result;
}

double TreeGrower::gain(const Sums& all, const Sums& left) const {
  const double right_h = all.h - left.h, right_g = all.g - left.g;
  if (left.h < options_.min_leaf_weight || right_h < options_.min_leaf_weight) return 0;
  const double divided = left.g * left.g / (left.h + options_.penalty) +
                         right_g * right_g / (right_h + options_.penalty);
  const double gained = divided - all.g * all.g / (all.h + options_.penalty);
  return gained > kRounding * divided ? gained : 0;
}

TreeGrower::Split TreeGrower::find_split(const Range& range, Rng& rng) {
  Split best;
  if (range.end - range.begin < 2) return best;
  const auto wanted = static_cast<std::size_t>(
      options_.columns_per_split.value_or(static_cast<Index>(columns_.size())));
  const std::size_t number = std::min(wanted, columns_.size());
  for (std::size_t i = 0; i < number; ++i) {
    const auto last = static_cast<std::int64_t>(columns_.size()) - 1;
    const auto drawn =
        static_cast<std::size_t>(rng.uniform_int(static_cast<std::int64_t>(i), last));
    std::swap(columns_[i], columns_[drawn]);
    const std::size_t column = columns_[i];
    if (inputs_.kind(column) == DimensionKind::Unordered)
      try_categories(range, column, rng, best);
    else if (options_.rule == SplitRule::Best)
      try_thresholds(range, column, best);
    else
      try_random_threshold(range, column, rng, best);
  }
  return best;
}

void TreeGrower::try_thresholds(const Range& range, std::size_t column, Split& best) const {
  const std::int32_t* const order = orders_[column].data();
  const std::int32_t* const ranks = inputs_.ranks(column).data();
  const auto values = inputs_.values(column);
  Sums left;
  std::int32_t rank = ranks[order[range.begin]];
  if (rank == ranks[order[range.end - 1]]) return;
  for (std::int32_t i = range.begin; i + 1 < range.end; ++i) {
    const Sums& row = derivatives_[static_cast<std::size_t>(order[i])];
    left.g += row.g;
    left.h += row.h;
    const std::int32_t next = ranks[order[i + 1]];
    if (next == rank) continue;
    const double gained = gain(range.sums, left);
    if (gained > best.gain) {
      best.gain = gained;
      best.column = column;
      best.threshold =
          between(values[static_cast<std::size_t>(rank)], values[static_cast<std::size_t>(next)]);
      best.left_ranks.clear();
      best.left = left;
    }
    rank = next;
  }
}

void TreeGrower::try_random_threshold(const Range& range, std::size_t column, Rng& rng,
                                      Split& best) const {
  const auto& order = orders_[column];
  const auto value = [&](std::int32_t i) {
    const auto row = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
    return inputs_.values(column)[static_cast<std::size_t>(inputs_.ranks(column)[row])];
  };
  const double low = value(range.begin), high = value(range.end - 1);
  if (!(low < high)) return;
  const double drawn = rng.uniform(low, high);
  // Rounding may have reached high, which would leave nothing on the right.
  const double threshold = drawn < high ? drawn : low;
  Sums left;
  for (std::int32_t i = range.begin; value(i) <= threshold; ++i) {
    const Sums& row = derivatives_[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
    left.g += row.g;
    left.h += row.h;
  }
  const double gained = gain(range.sums, left);
  if (gained > best.gain)
    best = {
        .gain = gained, .column = column, .threshold = threshold, .left_ranks = {}, .left = left};
}

void TreeGrower::try_categories(const Range& range, std::size_t column, Rng& rng, Split& best) {
  const auto& order = orders_[column];
  categories_.clear();
  for (std::int32_t i = range.begin; i < range.end; ++i) {
    const auto row = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
    const std::int32_t rank = inputs_.ranks(column)[row];
    if (categories_.empty() || categories_.back().rank != rank) categories_.push_back({rank, {}});
    categories_.back().sums.g += derivatives_[row].g;
    categories_.back().sums.h += derivatives_[row].h;
  }
  if (categories_.size() < 2) return;
  std::size_t first_cut = 1, last_cut = categories_.size() - 1;
  if (options_.rule == SplitRule::Best) {
    std::stable_sort(categories_.begin(), categories_.end(),
                     [](auto& a, auto& b) { return a.sums.g * b.sums.h < b.sums.g * a.sums.h; });
  } else {
    rng.shuffle(categories_);
    first_cut = last_cut = static_cast<std::size_t>(
        rng.uniform_int(1, static_cast<std::int64_t>(categories_.size()) - 1));
  }
  Sums left;
  std::size_t best_cut = 0;
  for (std::size_t cut = 1; cut <= last_cut; ++cut) {
    left.g += categories_[cut - 1].sums.g;
    left.h += categories_[cut - 1].sums.h;
    const double gained = cut >= first_cut ? gain(range.sums, left) : 0;
    if (gained > best.gain) best.gain = gained, best.left = left, best_cut = cut;
  }
  if (best_cut == 0) return;
  best.column = column;
  best.left_ranks.clear();
  const bool left_is_lesser = 2 * best.left.h <= range.sums.h;
  if (!left_is_lesser) best.left = {range.sums.g - best.left.g, range.sums.h - best.left.h};
  for (std::size_t i = left_is_lesser ? 0 : best_cut;
       i < (left_is_lesser ? best_cut : categories_.size()); ++i)
    best.left_ranks.push_back(categories_[i].rank);
}

std::int32_t TreeGrower::divide(const Range& range, const Split& split) {
  const auto ranks = inputs_.ranks(split.column);
  const auto values = inputs_.values(split.column);
  std::int32_t middle = range.begin;
  for (std::int32_t i = range.begin; i < range.end; ++i) {
    const auto row = static_cast<std::size_t>(rows_[static_cast<std::size_t>(i)]);
    const auto& listed = split.left_ranks;
    goes_left_[row] = listed.empty()
                          ? values[static_cast<std::size_t>(ranks[row])] <= split.threshold
                          : std::find(listed.begin(), listed.end(), ranks[row]) != listed.end();
    middle += goes_left_[row];
  }
  partition(rows_, range);
  // Leaves need no order.
  if (range.depth + 1 < options_.max_depth)
    for (const std::size_t k : columns_) partition(orders_[k], range);
  return middle;
}

void TreeGrower::partition(std::vector<std::int32_t>& rows, const Range& range) {
  std::int32_t* const data = rows.data();
  std::int32_t *left = data + range.begin, *right = buffer_.data();
  for (std::int32_t i = range.begin; i < range.end; ++i) {
    const std::int32_t row = data[i];
    const bool goes_left = goes_left_[static_cast<std::size_t>(row)] != 0;
    *left = row;
    *right = row;
    left += goes_left;
    right += !goes_left;
  }
  std::copy(buffer_.data(), right, left);
}

}  // namespace skipjack
