// The handler only counts and writes to an eventfd; a thread reads it and calls back.
#include "skipjack/cli/signals.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "skipjack/base/error.h"

namespace skipjack::cli {
namespace {

constexpr std::uint64_t kSignalCame = 1;
constexpr std::uint64_t kWatchEnds = std::uint64_t{1} << 32;

std::atomic<int> wake_descriptor{-1};
std::atomic<int> first_signal{0};
std::atomic<std::int64_t> first_came{0};
static_assert(std::atomic<int>::is_always_lock_free &&
              std::atomic<std::int64_t>::is_always_lock_free);

/// Signals this close together are one wish: timeout(1) sends its signal to the process and to its
/// group.
constexpr std::int64_t kOneWishNanoseconds = 200'000'000;

std::int64_t monotonic_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // safe in a handler
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void notify(std::uint64_t what) {
  const int saved = errno;
  // An eventfd write of 8 bytes is whole or fails; it fails only when the counter is full.
  if (::write(wake_descriptor.load(), &what, sizeof what) < 0) {
  }
  errno = saved;
}

extern "C" void on_signal(int number) {
  const std::int64_t now = monotonic_nanoseconds();
  int none = 0;
  if (first_signal.load() == 0) first_came = now;
  if (first_signal.compare_exchange_strong(none, number)) {
    notify(kSignalCame);
    return;
  }
  if (now - first_came < kOneWishNanoseconds) return;
  ::signal(number, SIG_DFL);
  ::raise(number);
}

}  // namespace

struct SignalWatch::Handlers {
  std::vector<std::pair<int, struct sigaction>> actions;
};

SignalWatch::SignalWatch(std::function<void()> on_first)
    : former_(std::make_unique<Handlers>()), on_first_(std::move(on_first)) {
  SKIPJACK_CHECK(wake_descriptor.load() < 0);
  const int descriptor = ::eventfd(0, EFD_CLOEXEC);
  if (descriptor < 0) throw errno_error(errno, "cannot make an eventfd for signals");
  first_signal = 0;
  wake_descriptor = descriptor;
  thread_ = std::thread([this, descriptor] {
    for (;;) {
      std::uint64_t what = 0;
      if (::read(descriptor, &what, sizeof what) < 0) {
        if (errno == EINTR) continue;
        return;
      }
      if (what & (kWatchEnds - 1)) on_first_();
      if (what >= kWatchEnds) return;
    }
  });
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction former {};
    ::sigaction(number, nullptr, &former);
    if (number == SIGHUP && former.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    ::sigaction(number, &action, nullptr);
    former_->actions.emplace_back(number, former);
  }
}

SignalWatch::~SignalWatch() {
  for (const auto& [number, action] : former_->actions) ::sigaction(number, &action, nullptr);
  notify(kWatchEnds);
  thread_.join();
  ::close(wake_descriptor.exchange(-1));
}

void end_with_parent() {
  const pid_t parent = ::getppid();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::raise(SIGTERM);
}

bool SignalWatch::received() const { return first_signal.load() != 0; }
int SignalWatch::signal_number() const { return first_signal.load(); }

}  // namespace skipjack::cli
