// Another optimiser as a searcher, or, on worlds with levels, as a scheduler: a program that is
// told results and asked what to do, a line of JSON each. So it meets the same problems, noise,
// disguises and judge as methods of ours. The protocol: docs/bench-search.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "skipjack/benchmark/world.h"
#include "skipjack/schedule/scheduler.h"
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

/// The same for a program that hears of every report and may stop, pause and resume trials, or
/// start one from another's checkpoint. Throws as above; decide() throws what suggest() does, and
/// InvalidArgument for orders about trials that can't take them.
std::unique_ptr<Scheduler> make_peer_scheduler(PeerOptions options, const Resource& resource);

}  // namespace skipjack::benchmark
