#include "skipjack/space/enumeration.h"

#include <algorithm>
#include <variant>

namespace skipjack {
namespace {

constexpr std::int64_t kMaxSize = std::int64_t{1} << 53;
constexpr std::int64_t kMaxWork = std::int64_t{1} << 22;

/// factor >= 1; nullopt above bound.
std::optional<std::int64_t> product(std::int64_t value, std::optional<std::int64_t> factor,
                                    std::int64_t bound) {
  if (!factor || *factor > bound / value) return std::nullopt;
  return value * *factor;
}

}  // namespace

Enumeration::Enumeration(const std::vector<Parameter>& parameters, const Conditions& conditions)
    : parameters_(parameters), conditions_(conditions) {
  const auto& deciding = conditions.deciding();
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (const auto* domain = std::get_if<Domain>(&parameters[i].domain))
      searched_.push_back({.parameter = i,
                           .domain = domain,
                           .cardinality = cardinality(*domain),
                           .deciding = std::binary_search(deciding.begin(), deciding.end(), i)});
  size_ = count();
}

std::optional<std::int64_t> Enumeration::count() {
  const auto work = static_cast<std::int64_t>(1 + parameters_.size() + conditions_.size());
  std::int64_t combinations = 1;
  for (const Searched& searched : searched_) {
    if (!searched.deciding) continue;
    const auto more = product(combinations, searched.cardinality, kMaxWork / work);
    if (!more) return std::nullopt;
    combinations = *more;
  }
  std::int64_t size = 0;
  std::vector<std::int64_t> digits(searched_.size());
  for (std::int64_t combination = 0; combination < combinations; ++combination) {
    const std::vector<bool> active = choose(combination, digits);
    // Of combinations that differ in parameters which are not there, only the first counts.
    std::int64_t number = 1;
    for (std::size_t k = 0; k < searched_.size(); ++k) {
      const Searched& searched = searched_[k];
      if (!active[searched.parameter]) {
        if (digits[k] != 0) number = 0;
      } else if (!searched.deciding && number > 0) {
        const auto more = product(number, searched.cardinality, kMaxSize);
        if (!more) return std::nullopt;
        number = *more;
      }
    }
    if (number == 0) continue;
    if (number > kMaxSize - size) return std::nullopt;
    blocks_.push_back({.first = size, .combination = combination});
    size += number;
  }
  return size;
}

std::vector<bool> Enumeration::choose(std::int64_t combination,
                                      std::vector<std::int64_t>& digits) const {
  std::vector<Json> chosen(searched_.size());
  std::vector<const Json*> values(parameters_.size(), nullptr);
  for (const std::size_t i : conditions_.deciding())
    if (const auto* constant = std::get_if<Json>(&parameters_[i].domain)) values[i] = constant;
  for (std::size_t k = searched_.size(); k-- > 0;) {
    const Searched& searched = searched_[k];
    if (!searched.deciding) continue;
    digits[k] = combination % *searched.cardinality;
    combination /= *searched.cardinality;
    chosen[k] = value_at(*searched.domain, digits[k]);
    values[searched.parameter] = &chosen[k];
  }
  return conditions_.active(values);
}

std::vector<std::int64_t> Enumeration::digits(std::int64_t index) const {
  const auto after = std::upper_bound(
      blocks_.begin(), blocks_.end(), index,
      [](std::int64_t number, const Block& block) { return number < block.first; });
  const Block& block = *std::prev(after);
  index -= block.first;
  std::vector<std::int64_t> digits(searched_.size());
  const std::vector<bool> active = choose(block.combination, digits);
  for (std::size_t k = searched_.size(); k-- > 0;) {
    const Searched& searched = searched_[k];
    if (searched.deciding || !active[searched.parameter]) continue;
    digits[k] = index % *searched.cardinality;
    index /= *searched.cardinality;
  }
  return digits;
}

}  // namespace skipjack
