// One download: a state machine per connection over one transport and one sink, driven by the
// calling thread, alone or beside others (task.h). See client.h for what it promises.
#pragma once

#include <memory>

#include "skipjack/s3/client.h"
#include "skipjack/s3/requester.h"
#include "skipjack/s3/task.h"

namespace skipjack::s3 {

class DownloadTask : public Task {
 public:
  /// Whether the last request has been started: from here on it has connections to spare.
  virtual bool is_closing() const = 0;
  /// So far, with those that an earlier download has left.
  virtual std::int64_t bytes_done() const = 0;
  virtual std::int64_t bytes_resumed() const = 0;
  /// Once, after advance() has said true: waits for the writer and gives the object its name.
  virtual DownloadResult finish() = 0;
};

/// Starts it. requester and options must outlive it; whoever drives it heeds options.stop. What is
/// received is taken from bandwidth, unless that is nullptr.
std::unique_ptr<DownloadTask> start_download(Requester& requester, const DownloadOptions& options,
                                             TokenBucket* bandwidth);

DownloadResult run_download(Requester& requester, const DownloadOptions& options);

}  // namespace skipjack::s3
