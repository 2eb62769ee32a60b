// Ctrl-C and its relatives. The first SIGINT, SIGTERM or SIGHUP asks for an orderly end; the
// second, a fifth of a second later or more, has the system's usual effect and kills at once. The
// only code of the project that installs signal handlers.
#pragma once

#include <functional>
#include <memory>
#include <thread>

namespace skipjack::cli {

/// While it lives, the first signal calls on_first once, on a thread of this object (so it may lock
/// and allocate). At most one at a time in a process. SIGHUP stays ignored where it was (nohup).
class SignalWatch {
 public:
  explicit SignalWatch(std::function<void()> on_first);
  /// Puts the former handlers back.
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  bool received() const;
  /// The signal's number; 0 if none came.
  int signal_number() const;

 private:
  struct Handlers;
  std::unique_ptr<Handlers> former_;
  std::function<void()> on_first_;
  std::thread thread_;
};

/// SIGTERM comes when the thread that started this process ends after this call, or during it. One
/// that had ended before is not noticed.
void end_with_parent();

}  // namespace skipjack::cli
