// Tables of measured configurations, replayed as if they were being measured. A table holds every
// valid configuration of a space with its repeated measurements; one evaluation draws one repeat.
// What the table doesn't hold failed. Format: bench/data/README.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "skipjack/base/rng.h"
#include "skipjack/space/search_space.h"

namespace skipjack::bench {

struct Table {
  std::string name;
  std::vector<std::int64_t> num_levels;
  std::vector<bool> categorical;
  struct Row {
    double mean = 0;
    std::vector<double> repeats;
  };
  /// By mixed-radix number of the level indices, first parameter slowest.
  std::unordered_map<std::int64_t, Row> rows;
  double best_mean = 0, median_mean = 0;

  /// 0 is the best configuration by true mean, 1 the median one.
  double regret(std::int64_t number) const {
    return (rows.at(number).mean - best_mean) / (median_mean - best_mean);
  }
};

/// path: plain text or gzip. Throws NotFound, Corrupted.
Table read_table(const std::filesystem::path& path);

/// A table's space with its parameters renamed, their order and their categories' labels permuted,
/// by seed, so that no searcher can gain from names or order.
class DisguisedSpace {
 public:
  DisguisedSpace(const Table& table, std::uint64_t seed);
  const SearchSpace& space() const { return space_; }
  /// The row's number.
  std::int64_t number(const Configuration& configuration) const;

 private:
  const Table& table_;
  SearchSpace space_;
  /// Position k of the space shows parameter shown_[k] of the table.
  std::vector<std::size_t> shown_;
  /// Level of the table behind each of position k's values (identity for ordered ones).
  std::vector<std::vector<std::int64_t>> levels_;
};

}  // namespace skipjack::bench
