// Notation: y_j log time of job j; s2 noise variance of one download; v variance of a job's y about
// its node; b_i of node i from its kind's mean m, u_j of job j from its node.
#include "skipjack/s3tune/job_baselines.h"

#include <cmath>
#include <map>
#include <string_view>

#include "skipjack/s3tune/verdict.h"

namespace skipjack::s3tune {
namespace {

using Jobs = std::vector<std::size_t>;

/// Jobs about their nodes' means: what a node drifts by, with noise.
struct WithinNodes {
  Noise pooled;
  std::vector<double> means, counts;
};
WithinNodes within_nodes(const std::map<std::string_view, Jobs>& nodes,
                         std::span<const JobBaseline> jobs) {
  WithinNodes result;
  for (const auto& [name, members] : nodes) {
    std::vector<double> seconds;
    for (const std::size_t j : members) seconds.push_back(jobs[j].seconds);
    result.means.push_back(result.pooled.add(seconds));
    result.counts.push_back(static_cast<double>(members.size()));
  }
  return result;
}

/// Variance of jobs about their nodes beyond noise; 0 if none is seen.
double drift_variance(const Noise& within, const Noise& noise) {
  if (within.degrees < 1) return 0;
  const double excess = within.squares / within.degrees - noise.variance();
  const double p = f_upper_tail(within.squares / within.degrees / noise.variance(), within.degrees,
                                noise.degrees);
  return p < 0.05 && excess > 0 ? excess : 0;
}

/// Those of one kind.
void predict(const std::map<std::string_view, Jobs>& nodes, std::span<const JobBaseline> jobs,
             const Noise& noise, std::vector<double>& expected) {
  const double s2 = noise.variance();
  const WithinNodes within = within_nodes(nodes, jobs);
  const double drift = drift_variance(within.pooled, noise);
  const double v = s2 + drift;
  const Scatter between =
      scatter_of(within.means, within.counts, drift > 0 ? within.pooled : noise);
  std::size_t i = 0;
  for (const auto& [name, members] : nodes) {
    const double b = between.variance / (between.variance + v / within.counts[i]) *
                     (within.means[i] - between.mean);
    for (const std::size_t j : members) {
      const double u = drift / v * (std::log(jobs[j].seconds) - between.mean - b);
      expected[j] = std::exp(between.mean + b + u);
    }
    ++i;
  }
}

}  // namespace

std::vector<double> expected_baselines(std::span<const JobBaseline> jobs, const Noise& noise) {
  std::vector<double> expected;
  std::map<std::string_view, std::map<std::string_view, Jobs>> kinds;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    expected.push_back(jobs[j].seconds);
    kinds[jobs[j].kind][jobs[j].node].push_back(j);
  }
  if (!noise.is_known()) return expected;
  for (const auto& [kind, nodes] : kinds) predict(nodes, jobs, noise, expected);
  return expected;
}

}  // namespace skipjack::s3tune
