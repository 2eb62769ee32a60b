// Tables of measured learning curves with gaps: some configurations of a space, each with its value
// and its seconds at every level. What the table doesn't hold is filled in from what it does, by
// the nearest row or by a forest, so that any configuration can be run. Format:
// bench/data/README.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/benchmark/world.h"

namespace skipjack::benchmark {

struct CurveTable {
  std::string name;
  SearchSpace space;
  Metric metric;
  Resource resource;
  struct Row {
    Configuration configuration;
    /// One a level, 1 to resource.max; both empty for a configuration that failed.
    std::vector<double> values, seconds;
    /// Of the whole run, at least that of the last level.
    double total_seconds = 0;
  };
  std::vector<Row> rows;
};

/// path: plain text or gzip. Throws NotFound; Corrupted, naming the row, for what breaks the
/// format.
CurveTable read_curve_table(const std::filesystem::path& path);
/// name: of the file, for errors.
CurveTable parse_curve_table(std::string_view text, const std::string& name);

/// How a configuration that isn't a row gets its curve.
enum class Gaps {
  /// That of the row nearest in the unit cube, different categories a distance of 1 apart: what
  /// Syne Tune's simulator does by default. Whole curves, steps in between; what is nearest to a
  /// failed row fails.
  Nearest,
  /// The mean of the curves that 50 random trees on the last value put into the configuration's
  /// leaves [Breiman2001, Meinshausen2006]: smoother than any row. Failed rows take no part.
  Forest,
};

struct CurveWorldOptions {
  Gaps gaps = Gaps::Nearest;
  /// Standard deviation of the logarithm of a run's speed. Range [0, 2]; default 0.
  double log_speed_deviation = 0;
};

/// Without noise in its values. Best and median are those of the rows' configurations, as the world
/// has them. Throws InvalidArgument for options out of range, Corrupted for a table without two
/// different values at the last level.
std::unique_ptr<World> make_curve_world(std::shared_ptr<const CurveTable> table,
                                        const CurveWorldOptions& options);

}  // namespace skipjack::benchmark
