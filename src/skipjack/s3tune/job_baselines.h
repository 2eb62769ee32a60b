// What the baseline took in each job of a cluster tuning, told from the noise of the one download
// that each job has of it: nodes of a kind differ, and so do the hours of one node, but often by
// less than two downloads in a row. Logarithms of the times, nested within each kind: the kind's
// mean, what a node differs from it, what a job differs from its node. Each level is believed as
// far as it scatters beyond the noise of the level below (F test at 5 %), and shrunk accordingly
// (best linear prediction [Robinson1991]); where nothing scatters it is the kind's mean, where
// everything drifts the job's own download, as if nothing else were known.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "skipjack/s3tune/noise.h"

namespace skipjack::s3tune {

struct JobBaseline {
  /// Of the node, see node.h. Only jobs of one kind say anything of one another.
  std::string kind;
  std::string node;
  /// > 0.
  double seconds = 0;
};

/// Seconds that the baseline is expected to take in each of the jobs, in their order. noise: of one
/// download; as long as it is not known, that is what it took. O(n log n).
std::vector<double> expected_baselines(std::span<const JobBaseline> jobs, const Noise& noise);

}  // namespace skipjack::s3tune
