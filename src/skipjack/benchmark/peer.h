// Another optimiser as a searcher: a program that is told results and asked for configurations, a
// line of JSON each. So it meets the same problems, noise, disguises and judge as methods of ours.
// The protocol: docs/bench-search.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "skipjack/search/searcher.h"

namespace skipjack::benchmark {

struct PeerOptions {
  /// For /bin/sh; its standard input and output are the link, its standard error is ours.
  std::string command;
  SearchSpace space;
  Metric metric;
  std::uint64_t seed = 0;
};

/// Starts the program, which is killed when the searcher goes. Throws Io if it can't be started;
/// suggest() throws Io if it ends or closes its output instead of answering, and InvalidArgument
/// for an answer that is no configuration of the space.
std::unique_ptr<Searcher> make_peer_search(PeerOptions options);

}  // namespace skipjack::benchmark
