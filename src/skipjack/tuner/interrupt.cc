// Only lock-free atomics and Backend::wake(), so that a signal handler may call request(). The
// count of calls under way keeps detach() from returning while one still holds the backend.
#include "skipjack/tuner/interrupt.h"

#include <thread>

namespace skipjack {

static_assert(std::atomic<bool>::is_always_lock_free &&
              std::atomic<Backend*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void Interrupt::request() noexcept {
  requested_.store(true);
  num_waking_.fetch_add(1);
  if (Backend* backend = backend_.load()) backend->wake();
  num_waking_.fetch_sub(1);
}

void Interrupt::attach(Backend& backend) noexcept { backend_.store(&backend); }

void Interrupt::detach() noexcept {
  backend_.store(nullptr);
  while (num_waking_.load() > 0) std::this_thread::yield();
}

}  // namespace skipjack
