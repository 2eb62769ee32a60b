#include "skipjack/model/sobol.h"

#include <algorithm>
#include <bit>

#include "skipjack/base/rng.h"

namespace skipjack {
namespace {

// new-joe-kuo-6 [Joe2008]: degree s and inner coefficients a of the primitive polynomial, initial
// numbers m. Dimension 1 is van der Corput's sequence and needs none.
struct Polynomial {
  int s;
  unsigned a;
  std::array<std::uint32_t, 7> m;
};
constexpr std::array<Polynomial, SobolSequence::kTableDimensions - 1> kPolynomials = {{
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
}};

template <std::size_t kBits>
std::array<std::uint32_t, kBits> direction_numbers(std::size_t dimension) {
  std::array<std::uint32_t, kBits> v{};
  if (dimension == 0) {
    for (std::size_t i = 0; i < kBits; ++i) v[i] = 1u << (31 - i);
    return v;
  }
  const Polynomial& p = kPolynomials[dimension - 1];
  const auto s = static_cast<std::size_t>(p.s);
  for (std::size_t i = 0; i < kBits; ++i) {
    if (i < s) {
      v[i] = p.m[i] << (31 - i);
      continue;
    }
    v[i] = v[i - s] ^ (v[i - s] >> s);
    for (std::size_t k = 1; k < s; ++k)
      if ((p.a >> (s - 1 - k)) & 1u) v[i] ^= v[i - k];
  }
  return v;
}

// Each output digit becomes itself plus a random sum of the digits before it.
std::uint32_t scramble_digits(std::uint32_t v, const std::array<std::uint32_t, 32>& rows) {
  std::uint32_t out = 0;
  for (std::size_t digit = 0; digit < 32; ++digit)
    if (std::popcount(v & rows[digit]) & 1) out |= 1u << (31 - digit);
  return out;
}

}  // namespace

SobolSequence::SobolSequence(const SobolOptions& options) : options_(options) {
  const std::size_t tabled = std::min(options.dimension, kTableDimensions);
  directions_.resize(tabled);
  shifts_.assign(tabled, 0);
  for (std::size_t d = 0; d < tabled; ++d) {
    directions_[d] = direction_numbers<kBits>(d);
    if (options.scramble == Scramble::None) continue;
    Rng rng(options.seed, "sobol", d);
    std::array<std::uint32_t, 32> rows{};
    for (std::size_t digit = 0; digit < 32; ++digit) {
      const std::uint32_t diagonal = 1u << (31 - digit);
      const std::uint32_t before = digit == 0 ? 0u : ~0u << (32 - digit);
      rows[digit] = diagonal | (static_cast<std::uint32_t>(rng.next()) & before);
    }
    for (auto& v : directions_[d]) v = scramble_digits(v, rows);
    shifts_[d] = static_cast<std::uint32_t>(rng.next());
  }
}

std::vector<double> SobolSequence::point(std::uint64_t index) const {
  std::vector<double> point(options_.dimension);
  // The Gray code of the index: neighbours differ in one direction number.
  const auto gray = static_cast<std::uint32_t>(index ^ (index >> 1));
  for (std::size_t d = 0; d < directions_.size(); ++d) {
    std::uint32_t x = shifts_[d];
    for (std::uint32_t rest = gray; rest != 0; rest &= rest - 1)
      x ^= directions_[d][static_cast<std::size_t>(std::countr_zero(rest))];
    point[d] = static_cast<double>(x) * 0x1.0p-32;
  }
  if (directions_.size() < point.size()) {
    Rng rng(options_.seed, "sobol-beyond", index);
    for (std::size_t d = directions_.size(); d < point.size(); ++d) point[d] = rng.uniform();
  }
  return point;
}

}  // namespace skipjack
