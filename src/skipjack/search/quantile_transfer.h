// Transfer by quantiles: what earlier experiments measured becomes normal scores, each within its
// own source, a forest learns from all of them how good a configuration is and how sure that is,
// and each trial is the best of a pool by Thompson sampling [Salinas2020]. It looks at no
// result. Deviations: docs/methods/quantile_transfer.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "skipjack/search/searcher.h"
#include "skipjack/search/warm_start.h"

namespace skipjack {

/// Phi^-1((rank - 1/2) / n), the smallest value first: standard normal, whatever the values'
/// scale and shape. Equal values share a score.
std::vector<double> normal_scores(std::span<const double> values);

struct QuantileTransferOptions {
  SearchSpace space;
  std::uint64_t seed = 0;
  std::vector<SourceExperiment> sources = {};
  /// Random configurations in the pool, beside the best of the sources and copies of them with a
  /// few parameters drawn anew. Range [1, 100000]; default 2000. Larger is greedier.
  std::int64_t num_candidates = 2000;
  /// Rows that the forest is fitted to at most, an even choice of each source's. Range [3, 100000];
  /// default 5000: beyond that a fit takes seconds and says little more.
  std::int64_t max_fit_samples = 5000;
};

/// No configuration is proposed twice. A random search where the sources have fewer than three
/// configurations that the space can have, and when the pool is used up; Exhausted as there. Throws
/// InvalidArgument for options out of range.
std::unique_ptr<Searcher> make_quantile_transfer_search(QuantileTransferOptions options);

}  // namespace skipjack
