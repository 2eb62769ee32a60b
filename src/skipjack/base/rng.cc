#include "skipjack/base/rng.h"

#include <cmath>
#include <numbers>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::uint64_t rotate_left(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3ULL;
  return hash;
}

}  // namespace

Rng::Rng(std::uint64_t seed, std::string_view stream, std::uint64_t number) {
  std::uint64_t mix = seed;
  mix = split_mix(mix) ^ fnv1a(stream);
  mix = split_mix(mix) ^ number;
  for (auto& word : state_) word = split_mix(mix);
}

std::uint64_t Rng::next() {
  const std::uint64_t result = rotate_left(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

double Rng::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::int64_t Rng::uniform_int(std::int64_t lower, std::int64_t upper) {
  SKIPJACK_CHECK(lower <= upper);
  const std::uint64_t span =
      static_cast<std::uint64_t>(upper) - static_cast<std::uint64_t>(lower) + 1;
  if (span == 0) return static_cast<std::int64_t>(next());
  // Rejection: drop the incomplete last block of the 64-bit range.
  const std::uint64_t limit = ~std::uint64_t{0} - (~std::uint64_t{0} % span + 1) % span;
  std::uint64_t draw = next();
  while (draw > limit) draw = next();
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(lower) + draw % span);
}

double Rng::normal() {
  // Box-Muller; the second value is dropped so that a draw is a function of the state alone.
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

double Rng::exponential() { return -std::log1p(-uniform()); }

}  // namespace skipjack
