// The lease: at most one tuner writes an experiment. A lock on an open file, which the kernel gives
// up when the process dies however it dies, and beside it who holds it. On file systems that are
// shared by hosts such locks are not to be trusted, so there a lease that another host left behind
// is respected until it is certain that its holder is dead: Slurm says that the job is over that it
// ran in, or a person removes the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace skipjack {

/// The job of a Slurm cluster that a process belongs to, and dies with.
struct LeaseJob {
  std::string cluster;
  std::int64_t number = 0;
  /// How often Slurm has started it anew.
  int restarts = 0;
  /// Number of the user whose job it is; unset: not known.
  std::optional<std::int64_t> user = {};
};

struct LeaseHolder {
  std::string host;
  int pid = 0;
  /// Start of the process in clock ticks since boot: the pid alone may be another process by now.
  std::uint64_t process_start = 0;
  std::string boot_id;
  std::optional<LeaseJob> job = {};
};

struct LeaseOptions {
  /// The one that this process belongs to.
  std::optional<LeaseJob> job = {};
  /// Whether no process of that job runs any more, for certain. Empty: nobody can tell.
  std::function<bool(const LeaseJob&)> is_over = {};
};

/// Held until destroyed.
class Lease {
 public:
  virtual ~Lease() = default;
  /// path: where the lease file is by now. Throws AlreadyExists if it says that another holds it,
  /// which may happen to a tuner whose host Slurm believed dead; NotFound, Io.
  virtual void confirm(const std::filesystem::path& path) const = 0;
};

/// Whether the holder of a lease that was left behind on another host is dead: it was this very job
/// before Slurm started it anew, or its job is over.
bool is_dead(const LeaseHolder& left_behind, const LeaseOptions& options);

/// path: the lease file, created if it is not there. subject ("experiment 'x'") begins the message.
/// Throws AlreadyExists ("experiment 'x' is running (pid N on host H)") if another holds it; Io and
/// PermissionDenied. May take two minutes where a file server still holds the lock of a holder that
/// is dead.
std::unique_ptr<Lease> acquire_lease(const std::filesystem::path& path, const std::string& subject,
                                     const LeaseOptions& options = {});

/// Who holds it now, without disturbing anybody; nullopt if nobody does or there is no such file.
std::optional<LeaseHolder> lease_holder(const std::filesystem::path& path);

}  // namespace skipjack
