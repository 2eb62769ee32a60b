// Tables of measured configurations, replayed as if they were being measured. A table holds every
// valid configuration of a space with its repeated measurements; one evaluation draws one repeat.
// What the table doesn't hold failed. Format: bench/data/README.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "skipjack/benchmark/duration.h"
#include "skipjack/benchmark/world.h"

namespace skipjack::benchmark {

struct Table {
  std::string name;
  struct Column {
    /// Values are 0 to num_levels - 1. Range [1, 2^53], [1, 10^4] if unordered; the product over
    /// all columns is at most 2^53.
    std::int64_t num_levels = 1;
    bool unordered = false;
  };
  std::vector<Column> columns;
  struct Row {
    double mean = 0;
    /// At least one, within +-10^100; smaller is better.
    std::vector<double> repeats;
  };
  /// By mixed-radix number of the level indices, first column slowest.
  std::unordered_map<std::int64_t, Row> rows;
  /// Over all rows; best_mean < median_mean.
  double best_mean = 0, median_mean = 0;
};

/// path: plain text or gzip. Throws NotFound; Corrupted, naming the row, for what breaks the format
/// or leaves no regret to measure.
Table read_table(const std::filesystem::path& path);
/// name: of the file, for errors.
Table parse_table(std::string_view text, const std::string& name);

/// Values whose names begin with "kt_" are run times in milliseconds (bench/data/README.md);
/// nullopt for any other name.
std::optional<double> seconds_per_unit_by_name(std::string_view table_name);

struct TableWorldOptions {
  /// Set: the values are times in units of this many seconds, the metric is of kind Time and in
  /// seconds, and a run lasts as long as its value says. A failed one takes no time: the tables
  /// don't tell. Range (0, inf), all values > 0.
  std::optional<double> seconds_per_unit;
  /// Otherwise.
  DurationModel duration;
  /// Of times: a trial sets up, then runs what was measured so often, and reports after each run,
  /// under "run", what all of it will take if it goes on like that: seconds so far * num_runs /
  /// run. The last report is the total, which is what configurations are judged by. The first run
  /// is the row's first repeat, which warms up, the others are drawn from the rest, none twice.
  /// Range [1, the fewest repeats of a row]; default 1: one repeat, and no levels.
  std::int64_t num_runs = 1;
  /// What setting up takes, as a share of the best configuration's runs; each configuration's own
  /// is that times exp(0.5 z), z normal: alike for fast and slow ones, as a compilation is. Range
  /// [0, 10]; only where there are levels.
  double setup_share = 0;
};

/// Parameters are named p0, p1, ... in the table's order: integers from 0 where the levels are
/// ordered, categories v0, v1, ... where they are not. Throws InvalidArgument for options that
/// don't fit the table.
std::unique_ptr<World> make_table_world(std::shared_ptr<const Table> table,
                                        const TableWorldOptions& options);

}  // namespace skipjack::benchmark
