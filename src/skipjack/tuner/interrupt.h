// How the outside asks a tuning to end: Ctrl-C, a supervising program, another thread.
#pragma once

#include <atomic>

#include "skipjack/backend/backend.h"

namespace skipjack {

/// Outlives the tuning that it is given to. One tuning at a time; may be used again after clear().
class Interrupt {
 public:
  Interrupt() = default;
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Asks the tuning to stop what runs, keep its results and return. From any thread and from
  /// signal handlers; lasts until clear(), so that one made before the tuning starts ends it at
  /// once.
  void request() noexcept;
  bool requested() const noexcept { return requested_.load(); }
  void clear() noexcept { requested_.store(false); }

  /// For the tuner: request() wakes this backend until it is detached. detach() waits for a
  /// request() under way in another thread.
  void attach(Backend& backend) noexcept;
  void detach() noexcept;

 private:
  std::atomic<bool> requested_{false};
  std::atomic<Backend*> backend_{nullptr};
  std::atomic<int> num_waking_{0};
};

}  // namespace skipjack
