// Regression trees on matrices. A tree is grown on derivatives of any loss, so that least squares,
// quantiles and classification share one grower (boosting.h, forest.h).
//
//   x (n, d)  inputs      g (n)  negative first, h (n)  second derivative of the loss, a row each
//   G_S, H_S  sums of g and h over the rows S       l  penalty on squared leaf values
//   gain = G_L^2 / (H_L + l) + G_R^2 / (H_R + l) - G^2 / (H + l)        leaf value G / (H + l)
//
// [Chen2016, eq. 5 to 7]; with h = 1 and l = 0 the gain is the reduction of the sum of squares
// [Breiman1984]. Splits are exact: every threshold between two values is tried. An unordered column
// splits into two sets of categories; cutting their order by G / H finds the best two sets for l =
// 0 [Fisher1958]. Ours rather than XGBoost's (Debian 12 has 1.7, which has no quantile loss) or
// LightGBM's (not in Debian 12): a fit to a hundred rows is milliseconds, and the same everywhere.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/model/gaussian_process.h"

namespace skipjack {

enum class SplitRule {
  Best,    ///< the cut with the largest gain
  Random,  ///< one random cut a column, the best of those [Geurts2006]
};

struct TreeOptions {
  /// Splits between root and leaf. Range [0, 64]; default 3, as scikit-learn's boosting.
  int max_depth = 3;
  /// Smallest H of a leaf: rows where h = 1, about a quarter of the rows in doubt for a logistic
  /// loss. Range > 0; default 1. Larger smooths.
  double min_leaf_weight = 1.0;
  /// The penalty l. Range >= 0; default 0: leaves are means.
  double penalty = 0.0;
  /// Columns looked at for a split, drawn anew each time. Range [1, d]; unset: all of them.
  std::optional<Eigen::Index> columns_per_split = std::nullopt;
  SplitRule rule = SplitRule::Best;
};

struct RegressionTree {
  struct Node {
    /// The left child; the right one follows it. A leaf is its own left child, so that descending
    /// further than to a leaf stays there.
    std::int32_t left = 0;
    std::int32_t column = 0;
    /// x[column] <= threshold goes left; infinite for a leaf.
    double threshold = 0;
    /// Instead of the threshold, where not empty: the categories that go left are
    /// left_categories[categories_begin, categories_end). They hold the lesser part of the rows, so
    /// that a category never seen goes with the greater.
    std::int32_t categories_begin = 0, categories_end = 0;
    /// Of a leaf.
    double value = 0;
  };
  /// The root is nodes[0]; children stand behind their parents.
  std::vector<Node> nodes;
  std::vector<double> left_categories;
  /// Splits on the longest way to a leaf.
  int depth = 0;

  /// Index of the leaf of a row. x: d numbers.
  std::int32_t leaf(const double* x) const;
  /// sum[i] += scale * value of column i. x_transposed (d, m), sum (m).
  void add_to(const Eigen::MatrixXd& x_transposed, double scale, Eigen::VectorXd& sum) const;
};

/// Inputs with each column sorted once, for all the trees grown on them. Immutable.
class TreeInputs {
 public:
  /// x (n, d), n >= 1, finite; kinds: d entries. O(d n log n).
  TreeInputs(const Eigen::MatrixXd& x, std::vector<DimensionKind> kinds);

  std::int32_t rows() const { return rows_; }
  std::size_t columns() const { return kinds_.size(); }
  DimensionKind kind(std::size_t column) const { return kinds_[column]; }
  /// (d, n): a row's inputs side by side.
  const Eigen::MatrixXd& transposed() const { return transposed_; }
  /// Rows by ascending value.
  std::span<const std::int32_t> order(std::size_t column) const { return orders_[column]; }
  /// By row: the number of smaller distinct values.
  std::span<const std::int32_t> ranks(std::size_t column) const { return ranks_[column]; }
  /// By rank.
  std::span<const double> values(std::size_t column) const { return values_[column]; }

 private:
  std::int32_t rows_;
  std::vector<DimensionKind> kinds_;
  Eigen::MatrixXd transposed_;
  std::vector<std::vector<std::int32_t>> orders_, ranks_;
  std::vector<std::vector<double>> values_;
};

/// Grows trees one after another in the same workspace. Not thread-safe; inputs must outlive it.
class TreeGrower {
 public:
  TreeGrower(const TreeInputs& inputs, const TreeOptions& options);

  /// g, h (n); rows with h = 0 take no part, at least one has h > 0. rng: the order in which
  /// columns are looked at, which decides between equal gains, and what a random rule draws. O(n d
  /// depth) for balanced trees.
  RegressionTree grow(std::span<const double> g, std::span<const double> h, Rng& rng);

  /// A leaf of the tree last grown, and its rows.
  struct Leaf {
    std::int32_t node;
    std::span<const std::int32_t> rows;
  };
  std::vector<Leaf> leaves() const;

 private:
  struct Sums {
    double g = 0, h = 0;
  };
  struct Split {
    double gain = 0;
    std::size_t column = 0;
    double threshold = 0;
    /// Of an unordered column.
    std::vector<std::int32_t> left_ranks;
    Sums left;
  };
  /// Rows begin to end of every list below are a node's.
  struct Range {
    std::int32_t node, begin, end;
    int depth;
    Sums sums;
  };
  struct Category {
    std::int32_t rank;
    Sums sums;
  };

  void start(std::span<const double> g, std::span<const double> h);
  double gain(const Sums& all, const Sums& left) const;
  Split find_split(const Range& range, Rng& rng);
  void try_thresholds(const Range& range, std::size_t column, Split& best) const;
  void try_random_threshold(const Range& range, std::size_t column, Rng& rng, Split& best) const;
  void try_categories(const Range& range, std::size_t column, Rng& rng, Split& best);
  /// Sorts the range's rows to its two sides and returns where the right one begins.
  std::int32_t divide(const Range& range, const Split& split);
  void partition(std::vector<std::int32_t>& rows, const Range& range);

  const TreeInputs& inputs_;
  TreeOptions options_;
  /// By row.
  std::vector<Sums> derivatives_;
  std::vector<char> goes_left_;
  /// Rows that take part: in any order, and for each column by ascending value.
  std::vector<std::int32_t> rows_;
  std::vector<std::vector<std::int32_t>> orders_;
  std::vector<std::size_t> columns_;
  std::vector<std::int32_t> buffer_;
  std::vector<Category> categories_;
  std::vector<Range> leaves_;
};

}  // namespace skipjack
