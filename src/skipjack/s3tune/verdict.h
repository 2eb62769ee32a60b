// Who is faster, and is it more than luck: from paired timings to a gain with its interval. Timings
// come in blocks (every arm once, in random order), so what is common to a block (the hour, the
// neighbours) cancels in the ratio of two of its timings. Location of the log ratios: the
// Hodges-Lehmann estimator with the exact interval of Wilcoxon's signed-rank test [Hollander2014,
// sec. 3.1 to 3.3]. Why not a t interval: download times have a tail (a slow answer, a retry), one
// such block among ten doubles a t interval and moves its centre, while ranks feel it as one vote.
// And if two arms do not differ, their order in a block being random makes the log ratios symmetric
// about 0 whatever the tail, so the test's level is exact. Not in here: choosing whom to compare,
// which has to happen on other data.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace skipjack::s3tune {

/// How much faster a candidate is than a baseline, as ratio of their times: 2 means half the time.
struct Gain {
  double ratio = 1;
  double lower = 1;
  double upper = 1;
  std::size_t num_pairs = 0;
};

/// Two-sided, so each interval calls a gain where there is none in at most (1 - confidence) / 2 of
/// all cases.
struct GainOptions {
  /// In [0.5, 0.999]. Default 0.95.
  double confidence = 0.95;
};

/// baseline[i] and candidate[i]: seconds, > 0, of the same block; the number of blocks fixed
/// beforehand. nullopt for fewer than 2 pairs. Below the pairs that an exact interval needs (6 at
/// 95 %), a t interval of the log ratios. Throws InvalidArgument for unequal lengths, for times
/// that are not positive and finite, and for a confidence out of range. O(n^2 log n).
std::optional<Gain> estimate_gain(std::span<const double> baseline,
                                  std::span<const double> candidate,
                                  const GainOptions& options = {});

/// True if the whole interval lies above 1 and the ratio reaches 1 + least_gain: a gain that is
/// neither luck nor too small to change anything for. least_gain >= 0.
bool claims_gain(const Gain& gain, double least_gain = 0.02);

struct TimingSummary {
  std::size_t count = 0;
  double mean = 0;
  double median = 0;
  double smallest = 0;
  double largest = 0;
};
/// Zeros for no values.
TimingSummary summarise_timings(std::span<const double> seconds);

/// Largest k such that the signed-rank statistic of n pairs is at most k with a probability of at
/// most tail under symmetry; nullopt if even 0 is likelier than that. n in [1, 1000], tail in (0,
/// 0.5). Exact up to n = 60, normal approximation with continuity correction above.
std::optional<std::size_t> signed_rank_critical_value(std::size_t n, double tail);

/// Quantile of Student's t. probability in (0, 1), degrees >= 1.
double student_t_quantile(double probability, double degrees);
/// P(F > f) of the F distribution; f >= 0, degrees > 0.
double f_upper_tail(double f, double numerator_degrees, double denominator_degrees);

}  // namespace skipjack::s3tune
