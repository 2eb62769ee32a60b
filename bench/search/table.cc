#include "table.h"

#include <zlib.h>

#include <algorithm>
#include <numeric>
#include <sstream>
#include <utility>

#include "skipjack/base/error.h"

namespace skipjack::bench {
namespace {

std::string read_gzip(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path))
    throw Error(ErrorCode::NotFound, "no table '" + path.string() + "'");
  gzFile file = gzopen(path.c_str(), "rb");
  std::string text, buffer(1 << 16, '\0');
  int got = 0;
  while (file && (got = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  if (!file || gzclose(file) != Z_OK || got < 0)
    throw Error(ErrorCode::Corrupted, "table '" + path.string() + "' can't be read to its end");
  return text;
}

}  // namespace

Table read_table(const std::filesystem::path& path) {
  std::istringstream in(read_gzip(path));
  Table table;
  std::size_t dimension = 0, num_rows = 0;
  in >> table.name >> dimension >> num_rows;
  for (std::size_t k = 0; k < dimension; ++k) {
    std::int64_t levels = 0;
    int categorical = 0;
    in >> levels >> categorical;
    table.num_levels.push_back(levels);
    table.categorical.push_back(categorical == 1);
  }
  std::vector<double> means;
  for (std::size_t i = 0; i < num_rows; ++i) {
    std::int64_t number = 0;
    for (std::size_t k = 0; k < dimension; ++k) {
      std::int64_t level = 0;
      in >> level;
      number = number * table.num_levels[k] + level;
    }
    std::size_t num_repeats = 0;
    in >> num_repeats;
    Table::Row row;
    row.repeats.resize(in ? num_repeats : 0);
    for (double& value : row.repeats) in >> value;
    if (!in || row.repeats.empty())
      throw Error(ErrorCode::Corrupted, "table '" + path.string() + "', row " + std::to_string(i));
    row.mean = std::accumulate(row.repeats.begin(), row.repeats.end(), 0.0) /
               static_cast<double>(row.repeats.size());
    means.push_back(row.mean);
    table.rows.emplace(number, std::move(row));
  }
  std::sort(means.begin(), means.end());
  table.best_mean = means.front();
  table.median_mean = 0.5 * (means[(means.size() - 1) / 2] + means[means.size() / 2]);
  return table;
}

DisguisedSpace::DisguisedSpace(const Table& table, std::uint64_t seed) : table_(table) {
  Rng rng(seed, "disguise");
  shown_.resize(table.num_levels.size());
  std::iota(shown_.begin(), shown_.end(), std::size_t{0});
  rng.shuffle(shown_);
  std::vector<Parameter> parameters;
  for (std::size_t k = 0; k < shown_.size(); ++k) {
    const std::int64_t number = table.num_levels[shown_[k]];
    std::vector<std::int64_t> levels(static_cast<std::size_t>(number));
    std::iota(levels.begin(), levels.end(), 0);
    const std::string name =
        "p" + std::to_string(rng.uniform_int(1000, 9999)) + "_" + std::to_string(k);
    if (table.categorical[shown_[k]]) {
      rng.shuffle(levels);
      std::vector<Json> labels;
      for (std::int64_t i = 0; i < number; ++i) labels.emplace_back("v" + std::to_string(i));
      parameters.push_back({name, choice(std::move(labels))});
    } else {
      parameters.push_back({name, rand_int(0, number - 1)});
    }
    levels_.push_back(std::move(levels));
  }
  space_ = SearchSpace(std::move(parameters));
}

std::int64_t DisguisedSpace::number(const Configuration& configuration) const {
  std::vector<std::int64_t> level(shown_.size());
  for (std::size_t k = 0; k < shown_.size(); ++k) {
    const Json& value = configuration.at(space_.searched()[k].first);
    const std::int64_t index =
        value.is_string() ? std::stoll(value.as_string().substr(1)) : value.as_int();
    level[shown_[k]] = levels_[k][static_cast<std::size_t>(index)];
  }
  std::int64_t number = 0;
  for (std::size_t k = 0; k < level.size(); ++k) number = number * table_.num_levels[k] + level[k];
  return number;
}

}  // namespace skipjack::bench
