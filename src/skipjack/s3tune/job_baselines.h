// What the baseline took in each job of a cluster tuning, told from the noise of the one download
// that each job has of it: nodes of a kind differ, and so do the hours of one node, but often by
// less than two downloads in a row. Logarithms of the times, nested within each kind: the kind's
// mean, what a node differs from it, what a job differs from its node. Each level is believed as
// far as it scatters beyond the noise of the level below (F test at 5 %), and shrunk accordingly
// (best linear prediction [Robinson1991]); where nothing scatters it is the kind's mean, where
// everything drifts the job's own download, as if nothing else were known.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "skipjack/s3tune/noise.h"

namespace skipjack::s3tune {

/// What the jobs measured, kept node by node: with a job more or less, what all of them say costs a
/// look at every node and not at every job. Times are logarithms of seconds. Not thread-safe.
class JobBaselines {
 public:
  /// Number of the node of that name, for the rest. O(log nodes).
  std::size_t node(const std::string& name);
  /// A job on the node had this.
  void add(std::size_t node, double time);
  /// Takes one back that was added.
  void remove(std::size_t node, double time);

  /// Takes in what was added, for expected(). kinds: of nodes, by name; only jobs of one kind say
  /// anything of one another. noise: of one download; as long as it is not known, the baseline is
  /// expected to take what the job's download took. O(nodes log nodes).
  void fit(const std::map<std::string, std::string>& kinds, const Noise& noise);
  /// What the baseline is expected to take in a job of the node whose download took `time`, by the
  /// last fit.
  double expected(std::size_t node, double time) const;

 private:
  struct Node {
    std::string name;
    double count = 0, mean = 0, squares = 0;
    /// What is expected without the job's own download, and the weight of that.
    double level = 0, own_weight = 1;
  };
  void fit_kind(const std::vector<Node*>& nodes, const Noise& noise);

  std::vector<Node> nodes_;
  std::map<std::string, std::size_t> numbers_;
};

}  // namespace skipjack::s3tune
