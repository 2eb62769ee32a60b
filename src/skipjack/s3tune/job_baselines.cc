// Notation: y_j log time of job j; s2 noise variance of one download; v variance of a job's y about
// its node; b_i of node i from its kind's mean m, u_j of job j from its node. Expected of job j is
// m + b_i + u_j with u_j = drift / v (y_j - m - b_i): a node's level m + b_i and the weight of y_j.
#include "skipjack/s3tune/job_baselines.h"

#include <algorithm>
#include <string_view>

#include "skipjack/base/error.h"
#include "skipjack/s3tune/verdict.h"

namespace skipjack::s3tune {
namespace {

/// Variance of jobs about their nodes beyond noise; 0 if none is seen.
double drift_variance(const Noise& within, const Noise& noise) {
  if (within.degrees < 1) return 0;
  const double excess = within.squares / within.degrees - noise.variance();
  const double p = f_upper_tail(within.squares / within.degrees / noise.variance(), within.degrees,
                                noise.degrees);
  return p < 0.05 && excess > 0 ? excess : 0;
}

}  // namespace

std::size_t JobBaselines::node(const std::string& name) {
  const auto [at, is_new] = numbers_.try_emplace(name, nodes_.size());
  if (is_new) nodes_.push_back({.name = name});
  return at->second;
}

void JobBaselines::add(std::size_t node, double time) {
  Node& of = nodes_.at(node);
  const double from_old_mean = time - of.mean;
  of.mean += from_old_mean / ++of.count;
  of.squares += from_old_mean * (time - of.mean);
}

void JobBaselines::remove(std::size_t node, double time) {
  Node& of = nodes_.at(node);
  SKIPJACK_CHECK(of.count > 0);
  const double from_old_mean = time - of.mean;
  of.mean = --of.count > 0 ? of.mean - from_old_mean / of.count : 0;
  of.squares = std::max(0.0, of.squares - from_old_mean * (time - of.mean));
}

void JobBaselines::fit_kind(const std::vector<Node*>& nodes, const Noise& noise) {
  // Jobs about their nodes' means: what a node drifts by, with noise.
  Noise within;
  std::vector<double> means, counts;
  for (const Node* node : nodes) {
    within.squares += node->squares;
    within.degrees += node->count - 1;
    means.push_back(node->mean);
    counts.push_back(node->count);
  }
  const double drift = drift_variance(within, noise);
  const double v = noise.variance() + drift;
  const Scatter between = scatter_of(means, counts, drift > 0 ? within : noise);
  for (Node* node : nodes) {
    const double b =
        between.variance / (between.variance + v / node->count) * (node->mean - between.mean);
    node->level = between.mean + b;
    node->own_weight = drift / v;
  }
}

void JobBaselines::fit(const std::map<std::string, std::string>& kinds, const Noise& noise) {
  if (!noise.is_known()) {
    for (Node& node : nodes_) node.own_weight = 1;
    return;
  }
  std::map<std::string_view, std::vector<Node*>> by_kind;
  for (Node& node : nodes_) {
    if (node.count == 0) continue;
    const auto kind = kinds.find(node.name);
    by_kind[kind == kinds.end() ? std::string_view() : kind->second].push_back(&node);
  }
  for (const auto& [kind, nodes] : by_kind) fit_kind(nodes, noise);
}

double JobBaselines::expected(std::size_t node, double time) const {
  const Node& of = nodes_.at(node);
  return (1 - of.own_weight) * of.level + of.own_weight * time;
}

}  // namespace skipjack::s3tune
