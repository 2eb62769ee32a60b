#include "skipjack/search/grid.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/search/tried.h"

namespace skipjack {
namespace {

constexpr std::int64_t kDefaultNumSamples = 5;
constexpr std::uint64_t kMaxPoints = std::uint64_t{1} << 62;

// A permutation of {0, ..., size - 1}: four Feistel rounds on the next even number of bits, walked
// on until the result is in range (at most four steps on average).
class KeyedPermutation {
 public:
  KeyedPermutation(std::uint64_t size, std::uint64_t seed) : size_(size), seed_(seed) {
    half_bits_ = std::max(1, (static_cast<int>(std::bit_width(size - 1)) + 1) / 2);
  }

  std::uint64_t operator()(std::uint64_t index) const {
    do index = feistel(index);
    while (index >= size_);
    return index;
  }

 private:
  std::uint64_t feistel(std::uint64_t x) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = x >> half_bits_, right = x & mask;
    for (std::uint64_t round = 0; round < 4; ++round) {
      const std::uint64_t mixed = Rng(seed_, "grid", (right << 2) | round).next() & mask;
      left = std::exchange(right, left ^ mixed);
    }
    return (left << half_bits_) | right;
  }

  std::uint64_t size_, seed_;
  int half_bits_;
};

// The positions of a parameter's values on its encoded axis.
std::vector<double> grid_positions(const Domain& domain, std::int64_t num_samples) {
  std::vector<double> positions;
  const auto number = cardinality(domain);
  if (number && (*number <= num_samples || std::holds_alternative<CategoricalDomain>(domain))) {
    for (std::int64_t i = 0; i < *number; ++i)
      positions.push_back(to_unit(domain, value_at(domain, i)));
    return positions;
  }
  for (std::int64_t i = 0; i < num_samples; ++i) {
    const double middle = (static_cast<double>(i) + 0.5) / static_cast<double>(num_samples);
    const double position = to_unit(domain, from_unit(domain, middle));
    if (positions.empty() || positions.back() != position) positions.push_back(position);
  }
  return positions;
}

class GridSearch final : public Searcher {
 public:
  explicit GridSearch(GridSearchOptions options)
      : options_(std::move(options)),
        tried_(options_.space),
        axes_(make_axes(options_)),
        num_points_(count(axes_)),
        permutation_(num_points_, options_.seed) {}

  Suggestion suggest(const History& history, const SuggestContext&) override {
    if (tried_.update(history) == TriedConfigurations::Relation::Other) next_ = 0;
    for (; next_ < num_points_; ++next_) {
      Configuration configuration =
          point(options_.order == GridOrder::Shuffled ? permutation_(next_) : next_);
      if (options_.space.satisfies_constraints(configuration) && !tried_.contains(configuration))
        return Proposal{.configuration = std::move(configuration)};
    }
    return Exhausted{};
  }

 private:
  static std::vector<std::vector<double>> make_axes(const GridSearchOptions& options) {
    const auto& searched = options.space.searched();
    for (const auto& [name, number] : options.num_samples) {
      if (std::none_of(searched.begin(), searched.end(), [&](auto& p) { return p.first == name; }))
        throw Error(ErrorCode::InvalidArgument,
                    "num_samples: '" + name + "' is not a searched parameter");
      if (number < 1)
        throw Error(ErrorCode::InvalidArgument,
                    "num_samples of '" + name + "' = " + std::to_string(number) + " must be >= 1");
    }
    std::vector<std::vector<double>> axes;
    for (const auto& [name, domain] : searched) {
      const auto asked = options.num_samples.find(name);
      axes.push_back(grid_positions(
          domain, asked == options.num_samples.end() ? kDefaultNumSamples : asked->second));
    }
    return axes;
  }

  static std::uint64_t count(const std::vector<std::vector<double>>& axes) {
    std::uint64_t product = 1;
    for (const auto& axis : axes) {
      if (product > kMaxPoints / axis.size())
        throw Error(ErrorCode::InvalidArgument, "the grid has more than 2^62 points",
                    "give num_samples for some parameters");
      product *= axis.size();
    }
    return product;
  }

  Configuration point(std::uint64_t number) const {
    std::vector<double> unit(axes_.size());
    for (std::size_t k = axes_.size(); k-- > 0;) {
      unit[k] = axes_[k][number % axes_[k].size()];
      number /= axes_[k].size();
    }
    return options_.space.decode(unit);
  }

  GridSearchOptions options_;
  TriedConfigurations tried_;
  std::vector<std::vector<double>> axes_;
  std::uint64_t num_points_;
  KeyedPermutation permutation_;
  /// All points before it were tried or are infeasible.
  std::uint64_t next_ = 0;
};

}  // namespace

std::unique_ptr<Searcher> make_grid_search(GridSearchOptions options) {
  return std::make_unique<GridSearch>(std::move(options));
}

}  // namespace skipjack
