// A whole tuning on a model of the download, in virtual time: the same scheduler, method and
// verdict as the real thing, with a function in place of processes and sockets. A rehearsal of a
// minute takes a second, so claims about many tunings (how often is a gain claimed where there is
// none?) can be counted. It knows only what the function knows: no CPU, no disk.
#pragma once

#include <functional>
#include <string>

#include "skipjack/schedule/scheduler.h"

namespace skipjack::s3tune {

struct RehearsalOptions {
  /// Seconds of one download (> 0) of a trial's configuration that starts at a virtual time in
  /// seconds.
  std::function<double(const Configuration& configuration, double start)> download;
  /// Virtual seconds for starting and ending a trial's process.
  double overhead = 0.02;
  /// Virtual running time; what runs then is stopped. > 0.
  Duration max_time = std::chrono::seconds(60);
  /// Bytes of the object, for the reports.
  std::int64_t object_size = 1;
  /// Its ETag, for the reports; empty: they have none.
  std::string etag;
};

/// Runs until the scheduler is finished or the time is over. Trials download as often as their
/// configuration's "repeats" says. Throws what scheduler and function throw.
History rehearse(Scheduler& scheduler, const RehearsalOptions& options);

}  // namespace skipjack::s3tune
