// The lease: at most one tuner writes an experiment. A lock on an open file, which the kernel gives
// up when the process dies however it dies, and beside it who holds it. On file systems that are
// shared by hosts such locks are not to be trusted, so there a lease that another host left behind
// is respected until a person removes it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace skipjack {

struct LeaseHolder {
  std::string host;
  int pid = 0;
  /// Start of the process in clock ticks since boot: the pid alone may be another process by now.
  std::uint64_t process_start = 0;
  std::string boot_id;
};

/// Held until destroyed.
class Lease {
 public:
  virtual ~Lease() = default;
};

/// path: the lease file, created if it is not there. subject ("experiment 'x'") begins the message.
/// Throws AlreadyExists
/// ("experiment 'x' is running (pid N on host H)") if another holds it; Io and PermissionDenied.
std::unique_ptr<Lease> acquire_lease(const std::filesystem::path& path, const std::string& subject);

/// Who holds it now, without disturbing anybody; nullopt if nobody does or there is no such file.
std::optional<LeaseHolder> lease_holder(const std::filesystem::path& path);

}  // namespace skipjack
