#include "skipjack/benchmark/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/invalid.h"
#include "skipjack/benchmark/gzip.h"

namespace skipjack::benchmark {
namespace {

/// Bounds what a hostile file can make us allocate.
constexpr std::int64_t kMaxColumns = 1000, kMaxRepeats = 1'000'000, kMaxCategories = 10'000;
constexpr std::int64_t kMaxConfigurations = std::int64_t{1} << 53;
/// So that sums and differences of values stay finite.
constexpr double kLargestValue = 1e100;
/// Of the logarithm of what setting up takes.
constexpr double kSetupDeviation = 0.5;

class TableReader {
 public:
  TableReader(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  Table read() {
    Table table;
    table.name = std::string(word());
    const std::int64_t dimension = integer(1, kMaxColumns);
    const std::int64_t num_rows = integer(2, kMaxConfigurations);
    std::int64_t size = 1;
    for (std::int64_t k = 0; k < dimension; ++k) {
      const std::int64_t num_levels = integer(1, kMaxConfigurations);
      if (size > kMaxConfigurations / num_levels) fail("has more than 2^53 configurations");
      size *= num_levels;
      const bool unordered = integer(0, 1) == 1;
      if (unordered && num_levels > kMaxCategories)
        fail("has more than 10000 categories in a column");
      table.columns.push_back({.num_levels = num_levels, .unordered = unordered});
    }
    for (row_ = 0; row_ < num_rows; ++row_) read_row(table);
    if (!word().empty()) fail("goes on after its last row");
    summarise(table);
    return table;
  }

 private:
  void read_row(Table& table) {
    std::int64_t number = 0;
    for (const Table::Column& column : table.columns)
      number = number * column.num_levels + integer(0, column.num_levels - 1);
    Table::Row row;
    row.repeats.resize(static_cast<std::size_t>(integer(1, kMaxRepeats)));
    for (double& value : row.repeats) value = real();
    row.mean = std::accumulate(row.repeats.begin(), row.repeats.end(), 0.0) /
               static_cast<double>(row.repeats.size());
    if (!table.rows.emplace(number, std::move(row)).second) fail("has a configuration twice");
  }

  void summarise(Table& table) {
    std::vector<double> means;
    for (const auto& [number, row] : table.rows) means.push_back(row.mean);
    std::sort(means.begin(), means.end());
    table.best_mean = means.front();
    table.median_mean = 0.5 * (means[(means.size() - 1) / 2] + means[means.size() / 2]);
    if (!(table.best_mean < table.median_mean))
      fail("is flat: its best mean is its median, so there is no regret");
  }

  /// Empty at the end.
  std::string_view word() {
    const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    std::size_t begin = 0;
    while (begin < rest_.size() && is_space(rest_[begin])) ++begin;
    std::size_t end = begin;
    while (end < rest_.size() && !is_space(rest_[end])) ++end;
    const std::string_view found = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return found;
  }

  template <class Number>
  Number number(const char* what) {
    const std::string_view text = word();
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
      fail("has '" + std::string(text) + "' where " + what + " is due");
    return value;
  }
  std::int64_t integer(std::int64_t lower, std::int64_t upper) {
    const auto value = number<std::int64_t>("an integer");
    if (value < lower || value > upper)
      fail("has " + std::to_string(value) + " where an integer in [" + std::to_string(lower) +
           ", " + std::to_string(upper) + "] is due");
    return value;
  }
  double real() {
    const auto value = number<double>("a number");
    if (!(std::abs(value) <= kLargestValue)) fail("has a value that is not within +-1e100");
    return value;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(
        ErrorCode::Corrupted,
        "table '" + name_ + "'" + (row_ < 0 ? "" : ", row " + std::to_string(row_)) + " " + what,
        "bench/data/README.md describes the format");
  }

  std::string_view rest_;
  const std::string& name_;
  std::int64_t row_ = -1;
};

Json label(std::int64_t level) { return "v" + std::to_string(level); }

SearchSpace space_of(const Table& table) {
  std::vector<Parameter> parameters;
  for (const Table::Column& column : table.columns) {
    const std::string name = "p" + std::to_string(parameters.size());
    if (column.unordered) {
      std::vector<Json> labels;
      for (std::int64_t i = 0; i < column.num_levels; ++i) labels.push_back(label(i));
      parameters.push_back({name, choice(std::move(labels))});
    } else {
      parameters.push_back({name, rand_int(0, column.num_levels - 1)});
    }
  }
  return SearchSpace(std::move(parameters));
}

class TableWorld final : public World {
 public:
  TableWorld(std::shared_ptr<const Table> table, const TableWorldOptions& options)
      : table_(std::move(table)),
        options_(options),
        unit_(options.seconds_per_unit.value_or(1.0)),
        space_(space_of(*table_)),
        metric_{.name = "y",
                .kind = options.seconds_per_unit ? MetricKind::Time : MetricKind::Plain},
        reference_{.best = unit_ * table_->best_mean, .median = unit_ * table_->median_mean} {
    if (options_.num_runs > 1) judge_by_runs();
  }

  const std::string& name() const override { return table_->name; }
  const SearchSpace& space() const override { return space_; }
  const Metric& metric() const override { return metric_; }
  const Resource& resource() const override { return resource_; }
  const Reference& reference() const override { return reference_; }

  Evaluation evaluate(const Configuration& configuration, Rng& rng) const override {
    const auto row = table_->rows.find(number_of(configuration));
    const bool is_time = options_.seconds_per_unit.has_value();
    if (row == table_->rows.end())
      return {.curve = {}, .seconds = is_time ? 0.0 : draw_seconds(options_.duration, rng)};
    if (options_.num_runs > 1) return run_of(*row, rng);
    const std::vector<double>& repeats = row->second.repeats;
    const auto last = static_cast<std::int64_t>(repeats.size()) - 1;
    const double value = unit_ * repeats[static_cast<std::size_t>(rng.uniform_int(0, last))];
    const double seconds = is_time ? value : draw_seconds(options_.duration, rng);
    return {.curve = {{.value = value, .seconds = seconds}}, .seconds = seconds};
  }

  std::optional<double> true_value(const Configuration& configuration) const override {
    const auto row = table_->rows.find(number_of(configuration));
    if (row == table_->rows.end()) return std::nullopt;
    return options_.num_runs > 1 ? total_of(*row) : unit_ * row->second.mean;
  }

 private:
  using NumberedRow = std::pair<const std::int64_t, Table::Row>;

  std::int64_t number_of(const Configuration& configuration) const {
    std::int64_t number = 0;
    for (std::size_t k = 0; k < table_->columns.size(); ++k) {
      const Json& value = configuration.at(space_.searched()[k].first);
      const std::int64_t level =
          value.is_string() ? std::stoll(value.as_string().substr(1)) : value.as_int();
      number = number * table_->columns[k].num_levels + level;
    }
    return number;
  }

  double setup_of(std::int64_t number) const {
    if (options_.setup_share == 0) return 0;
    Rng rng(0, "set-up", static_cast<std::uint64_t>(number));
    return options_.setup_share * unit_ * table_->best_mean *
           static_cast<double>(options_.num_runs) * std::exp(kSetupDeviation * rng.normal());
  }

  Evaluation run_of(const NumberedRow& row, Rng& rng) const {
    std::vector<double> others(row.second.repeats.begin() + 1, row.second.repeats.end());
    rng.shuffle(others);
    Evaluation evaluation{.curve = {}, .seconds = setup_of(row.first)};
    for (std::int64_t run = 1; run <= options_.num_runs; ++run) {
      evaluation.seconds += unit_ * (run == 1 ? row.second.repeats.front()
                                              : others[static_cast<std::size_t>(run - 2)]);
      evaluation.curve.push_back(
          {.resource = run,
           .value = evaluation.seconds * static_cast<double>(options_.num_runs) /
                    static_cast<double>(run),
           .seconds = evaluation.seconds});
    }
    return evaluation;
  }

  /// What is expected of run_of().
  double total_of(const NumberedRow& row) const {
    const std::vector<double>& repeats = row.second.repeats;
    const double others = std::accumulate(repeats.begin() + 1, repeats.end(), 0.0) /
                          static_cast<double>(repeats.size() - 1);
    return setup_of(row.first) +
           unit_ * (repeats.front() + static_cast<double>(options_.num_runs - 1) * others);
  }

  void judge_by_runs() {
    resource_ = {.name = "run", .max = options_.num_runs};
    std::vector<double> totals;
    for (const NumberedRow& row : table_->rows) totals.push_back(total_of(row));
    std::sort(totals.begin(), totals.end());
    reference_ = {.best = totals.front(),
                  .median = 0.5 * (totals[(totals.size() - 1) / 2] + totals[totals.size() / 2])};
  }

  std::shared_ptr<const Table> table_;
  TableWorldOptions options_;
  double unit_;
  SearchSpace space_;
  Metric metric_;
  Resource resource_;
  Reference reference_;
};

void validate_runs(const Table& table, const TableWorldOptions& options) {
  if (options.num_runs < 1)
    invalid("num_runs = " + std::to_string(options.num_runs) + " must be >= 1");
  if (!(options.setup_share >= 0 && options.setup_share <= 10))
    invalid("setup_share = " + shortest_decimal(options.setup_share) + " must be in [0, 10]");
  if (options.num_runs == 1) return;
  if (!options.seconds_per_unit)
    invalid("num_runs = " + std::to_string(options.num_runs) + " is for tables of times");
  for (const auto& [number, row] : table.rows)
    if (std::cmp_less(row.repeats.size(), options.num_runs))
      invalid("num_runs = " + std::to_string(options.num_runs) + ", but table '" + table.name +
              "' has a row of " + std::to_string(row.repeats.size()) + " repeats");
}

}  // namespace

Table parse_table(std::string_view text, const std::string& name) {
  return TableReader(text, name).read();
}

Table read_table(const std::filesystem::path& path) {
  return parse_table(read_gzip(path), path.string());
}

std::optional<double> seconds_per_unit_by_name(std::string_view table_name) {
  return table_name.starts_with("kt_") ? std::optional(1e-3) : std::nullopt;
}

std::unique_ptr<World> make_table_world(std::shared_ptr<const Table> table,
                                        const TableWorldOptions& options) {
  if (table == nullptr) throw Error(ErrorCode::InvalidArgument, "table is null");
  validate(options.duration);
  validate_runs(*table, options);
  if (options.seconds_per_unit) {
    if (!(*options.seconds_per_unit > 0 && *options.seconds_per_unit <= 1e6))
      throw Error(ErrorCode::InvalidArgument,
                  "seconds_per_unit = " + std::to_string(*options.seconds_per_unit) +
                      " must be in (0, 1e6]");
    for (const auto& [number, row] : table->rows)
      for (const double value : row.repeats)
        if (!(value > 0 && value * *options.seconds_per_unit < 1e8))
          throw Error(ErrorCode::InvalidArgument, "table '" + table->name + "' holds the value " +
                                                      shortest_decimal(value) +
                                                      ", which is no time");
  }
  return std::make_unique<TableWorld>(std::move(table), options);
}

}  // namespace skipjack::benchmark
