// One request whose answer is small, from beginning to end.
#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>

#include "skipjack/base/clock.h"
#include "skipjack/s3/transport.h"

namespace skipjack::s3 {

struct SmallAnswer {
  HttpHead head;
  std::string body;
  /// The body is longer than was wanted; what is here is of no use.
  bool is_cut = false;
};

/// How it ended; the answer is what came of it.
struct SmallOutcome {
  TransportStatus status = TransportStatus::Complete;
  std::string detail;
  SmallAnswer answer;
};

struct SmallExchangeOptions {
  /// What is longer is cut: errors and confirmations are a few hundred bytes.
  std::size_t longest_body = 256 * 1024;
  /// For the whole of it; what takes longer ends as TimedOut. Default: as long as the answer makes
  /// progress.
  std::optional<Duration> time_limit{};
  std::stop_token stop{};
};

/// nullopt once stop is requested. Drives the transport: other requests on it go on meanwhile.
std::optional<SmallOutcome> exchange_once(Transport& transport, HttpRequest request,
                                          const SmallExchangeOptions& options);

/// Waits so long, or until stop is requested.
void wait_or_stop(Duration duration, const std::stop_token& stop);

}  // namespace skipjack::s3
