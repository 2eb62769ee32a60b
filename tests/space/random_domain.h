// Random valid domains of every kind for property tests.
#pragma once

#include <cmath>

#include "skipjack/space/domain.h"

namespace skipjack {

inline std::vector<Json> random_categories(Rng& rng) {
  static const char* const kWords[] = {
      "relu", "tanh", "a b",   "it's",        "x,y",           "[1]", "1",
      "true", "",     "\"q\"", "back\\slash", "uml\xc3\xa4ut", "8MiB"};
  std::vector<Json> values;
  const int type = static_cast<int>(rng.uniform_int(0, 3));
  const std::int64_t size = type == 0 ? rng.uniform_int(1, 2) : rng.uniform_int(1, 12);
  for (std::int64_t i = 0; i < size; ++i) {
    if (type == 0) values.emplace_back(i == 0);
    if (type == 1) values.emplace_back(i * 7 - 20 + rng.uniform_int(0, 6));
    if (type == 2) values.emplace_back(static_cast<double>(i) + rng.uniform(0, 0.9));
    if (type == 3) values.emplace_back(kWords[i]);
  }
  rng.shuffle(values);
  return values;
}

inline std::vector<Json> random_increasing(Rng& rng, double start) {
  std::vector<Json> values;
  double value = start;
  const bool whole = rng.bernoulli(0.5);
  const std::int64_t size = rng.uniform_int(2, 12);
  for (std::int64_t i = 0; i < size; ++i) {
    if (whole)
      values.emplace_back(static_cast<std::int64_t>(value));
    else
      values.emplace_back(value);
    value += 1 + rng.exponential() * 10;
  }
  return values;
}

/// Integer bounds up to 10^13 in size: S3's largest object has half of that many bytes.
inline Domain random_domain(Rng& rng) {
  const double low = std::exp(rng.uniform(-20, 20)), high = low * std::exp(rng.uniform(0, 20));
  const double shift = rng.bernoulli(0.5) ? rng.uniform(-100, 100) : 0;
  const auto whole = static_cast<std::int64_t>(std::exp(rng.uniform(0, 29.9)));
  const auto first = static_cast<std::int64_t>(rng.uniform() * static_cast<double>(whole));
  switch (rng.uniform_int(0, 13)) {
    case 0:
      return uniform(shift - low, shift + high);
    case 1:
      return log_uniform(low, high);
    case 2:
      return reverse_log_uniform(1 - std::exp(-rng.uniform(0, 2)),
                                 1 - std::exp(-rng.uniform(2, 9)));
    case 3:
      return rand_int(-first, whole);
    case 4:
      return log_rand_int(1 + first, 1 + whole);
    case 5:
      return choice(random_categories(rng));
    case 6:
      return ordinal(random_categories(rng), OrdinalKind::Equal);
    case 7:
      return ordinal(random_increasing(rng, rng.uniform(-30, 30)), OrdinalKind::NearestNeighbor);
    case 8:
      return log_ordinal(random_increasing(rng, rng.uniform(1, 30)));
    case 9:
      return fin_range(shift - low, shift + high, rng.uniform_int(2, 100));
    case 10:
      return log_fin_range(low, 1.01 * high, rng.uniform_int(2, 100));
    case 11:
      return fin_range(-200, static_cast<double>(rng.uniform_int(0, 300)), rng.uniform_int(2, 100),
                       ValueType::Integer);
    case 12:
      return quantized(rng.bernoulli(0.5) ? uniform(0, high) : log_uniform(high / 100, high),
                       high / rng.uniform(2, 50));
    default:
      return quantized(
          rng.bernoulli(0.5) ? rand_int(-first, whole + 9) : log_rand_int(1 + first, whole + 9),
          static_cast<double>(rng.uniform_int(1, 3)));
  }
}

}  // namespace skipjack
