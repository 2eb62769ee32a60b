#include "skipjack/benchmark/curve_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/benchmark/gzip.h"
#include "skipjack/model/tree.h"

namespace skipjack::benchmark {
namespace {

constexpr std::string_view kFormat = "skipjack-curves-1";
/// So that no file makes us allocate more than it is large itself.
constexpr std::int64_t kMaxLevels = 100'000;
constexpr double kLargest = 1e100;
constexpr int kNumTrees = 50;
/// Rows in a leaf: fewer follow the table's roughness, more blur it.
constexpr double kMinLeaf = 3;

[[noreturn]] void corrupted(const std::string& name, const std::string& what) {
  throw Error(ErrorCode::Corrupted, "table '" + name + "': " + what);
}

CurveTable parse_header(std::string_view line) {
  const Json json = parse_json(line);
  if (json.at("format") != Json(kFormat))
    throw Error(ErrorCode::InvalidArgument,
                "format is " + to_json_text(json.at("format")) + ", not " + std::string(kFormat));
  CurveTable table{.name = json.at("name").as_string(),
                   .space = SearchSpace::from_json(json.at("space"))};
  if (table.space.dimension() == 0)
    throw Error(ErrorCode::InvalidArgument, "the space has no parameter to search");
  table.metric.name = json.at("metric").as_string();
  const std::string& mode = json.at("mode").as_string();
  if (mode != "min" && mode != "max")
    throw Error(ErrorCode::InvalidArgument, "mode '" + mode + "' is neither min nor max");
  table.metric.mode = mode == "min" ? Mode::Min : Mode::Max;
  table.resource = {.name = json.at("resource").as_string(), .max = json.at("max").as_int()};
  if (table.resource.max < 1 || table.resource.max > kMaxLevels)
    throw Error(ErrorCode::InvalidArgument, "max = " + std::to_string(table.resource.max) +
                                                " must be in [1, " + std::to_string(kMaxLevels) +
                                                "]");
  return table;
}

std::vector<double> numbers(const Json& json, std::size_t count) {
  std::vector<double> values;
  for (const Json& value : json.as_array()) {
    values.push_back(value.as_double());
    if (!(std::abs(values.back()) <= kLargest))
      throw Error(ErrorCode::InvalidArgument, to_json_text(value) + " is out of range");
  }
  if (values.size() != count)
    throw Error(ErrorCode::InvalidArgument,
                std::to_string(values.size()) + " numbers instead of " + std::to_string(count));
  return values;
}

/// [[value of each parameter], [value at each level], [seconds that each level took]]; a failed one
/// has no values and the seconds until it failed.
CurveTable::Row parse_row(const CurveTable& table, std::string_view line) {
  const Json json = parse_json(line);
  const Json::Array& parts = json.as_array();
  const auto& searched = table.space.searched();
  if (parts.size() != 3 || parts[0].as_array().size() != searched.size())
    throw Error(ErrorCode::InvalidArgument,
                "it is not [[" + std::to_string(searched.size()) + " values], [curve], [seconds]]");
  Configuration partial = Json::Object{};
  for (std::size_t i = 0; i < searched.size(); ++i)
    partial.set(searched[i].first, parts[0].as_array()[i]);
  CurveTable::Row row{.configuration = table.space.complete(partial)};
  const bool failed = parts[1].as_array().empty();
  const auto num_levels = failed ? 1 : static_cast<std::size_t>(table.resource.max);
  std::vector<double> seconds = numbers(parts[2], num_levels);
  for (double& step : seconds) {
    if (step < 0) throw Error(ErrorCode::InvalidArgument, "seconds below 0");
    step = row.total_seconds += step;
  }
  if (failed) return row;
  row.values = numbers(parts[1], num_levels);
  row.seconds = std::move(seconds);
  return row;
}

/// What a configuration does, without chance; empty curves for one that fails.
using Curve = CurveTable::Row;

class NearestRow {
 public:
  explicit NearestRow(std::shared_ptr<const CurveTable> table) : table_(std::move(table)) {
    for (const CurveTable::Row& row : table_->rows)
      points_.push_back(table_->space.encode(row.configuration));
    for (const auto& [name, domain] : table_->space.searched())
      is_category_.push_back(std::holds_alternative<CategoricalDomain>(domain));
  }

  const Curve& operator()(const Configuration& configuration) const {
    const std::vector<double> x = table_->space.encode(configuration);
    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < points_.size(); ++i) {
      double distance = 0;
      for (std::size_t k = 0; k < x.size(); ++k) {
        const double step = x[k] - points_[i][k];
        distance += is_category_[k] ? (step == 0 ? 0.0 : 1.0) : step * step;
      }
      if (distance < least) least = distance, nearest = i;
    }
    return table_->rows[nearest];
  }

 private:
  std::shared_ptr<const CurveTable> table_;
  std::vector<std::vector<double>> points_;
  std::vector<char> is_category_;
};

class CurveForest {
 public:
  explicit CurveForest(std::shared_ptr<const CurveTable> table) : table_(std::move(table)) {
    std::vector<DimensionKind> kinds;
    for (const auto& [name, domain] : table_->space.searched())
      kinds.push_back(std::holds_alternative<CategoricalDomain>(domain) ? DimensionKind::Unordered
                                                                        : DimensionKind::Ordered);
    for (const CurveTable::Row& row : table_->rows)
      if (!row.values.empty()) rows_.push_back(&row);
    Eigen::MatrixXd x(static_cast<Eigen::Index>(rows_.size()),
                      static_cast<Eigen::Index>(kinds.size()));
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::vector<double> point = table_->space.encode(rows_[i]->configuration);
      for (std::size_t k = 0; k < point.size(); ++k)
        x(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) = point[k];
    }
    grow(TreeInputs(x, std::move(kinds)));
  }

  Curve operator()(const Configuration& configuration) const {
    const std::vector<double> x = table_->space.encode(configuration);
    const auto num_levels = static_cast<std::size_t>(table_->resource.max);
    Curve curve{.configuration = configuration,
                .values = std::vector<double>(num_levels),
                .seconds = std::vector<double>(num_levels)};
    for (const Tree& tree : trees_) {
      const auto& [rows, weight] = tree.leaves[static_cast<std::size_t>(tree.tree.leaf(x.data()))];
      for (const auto& [index, count] : rows) {
        const CurveTable::Row& row = *rows_[index];
        const double share = count / weight / static_cast<double>(trees_.size());
        for (std::size_t i = 0; i < num_levels; ++i) {
          curve.values[i] += share * row.values[i];
          curve.seconds[i] += share * row.seconds[i];
        }
      }
    }
    curve.total_seconds = curve.seconds.back();
    return curve;
  }

 private:
  struct Leaf {
    /// Rows and how often the tree has each.
    std::vector<std::pair<std::size_t, double>> rows;
    double weight = 0;
  };
  struct Tree {
    RegressionTree tree;
    /// By node.
    std::vector<Leaf> leaves;
  };

  void grow(const TreeInputs& inputs) {
    const std::size_t n = rows_.size();
    TreeGrower grower(inputs, {.max_depth = 64, .min_leaf_weight = kMinLeaf});
    Rng rng(0, "curve forest");
    std::vector<double> g(n), counts(n);
    for (int t = 0; t < kNumTrees; ++t) {
      std::fill(counts.begin(), counts.end(), 0.0);
      for (std::size_t i = 0; i < n; ++i)
        ++counts[static_cast<std::size_t>(rng.uniform_int(0, static_cast<std::int64_t>(n) - 1))];
      for (std::size_t i = 0; i < n; ++i) g[i] = counts[i] * rows_[i]->values.back();
      Tree& tree = trees_.emplace_back();
      tree.tree = grower.grow(g, counts, rng);
      tree.leaves.resize(tree.tree.nodes.size());
      for (const auto& [node, rows] : grower.leaves()) {
        Leaf& leaf = tree.leaves[static_cast<std::size_t>(node)];
        for (const std::int32_t row : rows) {
          const auto index = static_cast<std::size_t>(row);
          leaf.rows.emplace_back(index, counts[index]);
          leaf.weight += counts[index];
        }
      }
    }
  }

  std::shared_ptr<const CurveTable> table_;
  std::vector<const CurveTable::Row*> rows_;
  std::vector<Tree> trees_;
};

class CurveWorld final : public World {
 public:
  CurveWorld(std::shared_ptr<const CurveTable> table, const CurveWorldOptions& options)
      : table_(std::move(table)), options_(options) {
    if (options_.gaps == Gaps::Nearest)
      fill_ = [nearest = NearestRow(table_)](const Configuration& c) { return nearest(c); };
    else
      fill_ = [forest = CurveForest(table_)](const Configuration& c) { return forest(c); };
    set_reference();
  }

  const std::string& name() const override { return table_->name; }
  const SearchSpace& space() const override { return table_->space; }
  const Metric& metric() const override { return table_->metric; }
  const Resource& resource() const override { return table_->resource; }
  const Reference& reference() const override { return reference_; }

  Evaluation evaluate(const Configuration& configuration, Rng& rng) const override {
    const Curve curve = fill_(configuration);
    const double slowness = std::exp(options_.log_speed_deviation * rng.normal());
    Evaluation evaluation{.curve = {}, .seconds = slowness * curve.total_seconds};
    for (std::size_t i = 0; i < curve.values.size(); ++i)
      evaluation.curve.push_back({.resource = static_cast<std::int64_t>(i) + 1,
                                  .value = curve.values[i],
                                  .seconds = slowness * curve.seconds[i]});
    return evaluation;
  }

  std::optional<double> true_value(const Configuration& configuration) const override {
    const Curve curve = fill_(configuration);
    return curve.values.empty() ? std::nullopt : std::optional(curve.values.back());
  }

 private:
  void set_reference() {
    std::vector<double> values;
    for (const CurveTable::Row& row : table_->rows)
      if (const auto value = true_value(row.configuration)) values.push_back(*value);
    std::sort(values.begin(), values.end());
    if (table_->metric.mode == Mode::Max) std::reverse(values.begin(), values.end());
    reference_ = {.best = values.front(), .median = values[values.size() / 2]};
    if (reference_.best == reference_.median)
      corrupted(table_->name, "half of its configurations are the best one");
  }

  std::shared_ptr<const CurveTable> table_;
  CurveWorldOptions options_;
  std::function<Curve(const Configuration&)> fill_;
  Reference reference_;
};

}  // namespace

CurveTable read_curve_table(const std::filesystem::path& path) {
  return parse_curve_table(read_gzip(path), path.filename().string());
}

CurveTable parse_curve_table(std::string_view text, const std::string& name) {
  CurveTable table;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    try {
      if (number == 0)
        table = parse_header(line);
      else
        table.rows.push_back(parse_row(table, line));
    } catch (const Error& error) {
      corrupted(name,
                (number == 0 ? "header" : "row " + std::to_string(number)) + ": " + error.what());
    }
    ++number;
  }
  const auto works = [](const CurveTable::Row& row) { return !row.values.empty(); };
  if (std::none_of(table.rows.begin(), table.rows.end(), works))
    corrupted(name, "no configuration works");
  return table;
}

std::unique_ptr<World> make_curve_world(std::shared_ptr<const CurveTable> table,
                                        const CurveWorldOptions& options) {
  if (!(options.log_speed_deviation >= 0 && options.log_speed_deviation <= 2))
    throw Error(ErrorCode::InvalidArgument,
                "log_speed_deviation = " + shortest_decimal(options.log_speed_deviation) +
                    " must be in [0, 2]");
  return std::make_unique<CurveWorld>(std::move(table), options);
}

}  // namespace skipjack::benchmark
