#include "skipjack/s3/task.h"

#include <algorithm>

#include "skipjack/s3/requester.h"

namespace skipjack::s3 {

bool drive_to_end(Task& task, const DriveOptions& options) {
  Transport& transport = options.transport;
  const std::stop_callback wake(options.stop, [&transport] { transport.wake(); });
  for (;;) {
    if (options.stop.stop_requested()) return false;
    const Duration now = system_clock().now();
    if (task.advance(now)) return true;
    const Duration debt = options.bandwidth ? options.bandwidth->debt(now) : Duration(0);
    if (debt > Duration(0))
      wait_or_stop(std::min(debt, options.slice), options.stop);
    else
      transport.drive(task.next_event(now));
  }
}

}  // namespace skipjack::s3
