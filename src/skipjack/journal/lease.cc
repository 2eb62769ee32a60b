// An open-file-description lock: it belongs to the open file, goes with the process, and can be
// asked after without being taken, so that a reader never makes a tuner's attempt fail.
#include "skipjack/journal/lease.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/json.h"

namespace skipjack {
namespace {

/// Magic numbers of statfs(2) for file systems that several hosts may have mounted: NFS, SMB
/// (three), Lustre, GPFS, Ceph, AFS, BeeGFS, FUSE.
constexpr long kSharedFileSystems[] = {0x6969,     0x517b,     0xff534d42, 0xfe534d42, 0x0bd00bd0,
                                       0x47504653, 0x00c36400, 0x5346414f, 0x19830326, 0x65735546};

/// How long a file server may go on believing in a host that is gone: NFS's grace is 90 s.
constexpr std::chrono::seconds kLockOfTheDead{120};

bool may_be_shared(int fd) {
  struct statfs status {};
  if (::fstatfs(fd, &status) != 0) return true;
  for (const long magic : kSharedFileSystems)
    if (static_cast<long>(status.f_type) == magic) return true;
  return false;
}

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string first_line(const char* path) {
  try {
    const std::string text = read_file(path);
    return text.substr(0, text.find('\n'));
  } catch (const Error&) {
    return {};  // without /proc the lease is as good, only its description is poorer
  }
}

/// Field 22 of /proc/self/stat; the name in field 2 may hold spaces and parentheses.
std::uint64_t own_start() {
  const std::string stat = first_line("/proc/self/stat");
  std::size_t at = stat.rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  return at == std::string::npos ? 0 : std::strtoull(stat.c_str() + at, nullptr, 10);
}

LeaseHolder self(const LeaseOptions& options) {
  return LeaseHolder{.host = host_name(),
                     .pid = static_cast<int>(::getpid()),
                     .process_start = own_start(),
                     .boot_id = first_line("/proc/sys/kernel/random/boot_id"),
                     .job = options.job};
}

std::string to_text(const LeaseHolder& holder) {
  Json json = Json::Object{{"host", holder.host},
                           {"pid", holder.pid},
                           {"process_start", static_cast<std::int64_t>(holder.process_start)},
                           {"boot_id", holder.boot_id}};
  if (holder.job) {
    Json job = Json::Object{{"cluster", holder.job->cluster},
                            {"number", holder.job->number},
                            {"restarts", holder.job->restarts}};
    if (holder.job->user) job.set("user", *holder.job->user);
    json.set("job", std::move(job));
  }
  return to_json_text(json) + "\n";
}

/// nullopt for what is none.
std::optional<LeaseJob> parse_job(const Json& json) {
  const Json *cluster = json.find("cluster"), *number = json.find("number"),
             *restarts = json.find("restarts");
  if (!cluster || !cluster->is_string() || !number || !number->is_int() || !restarts ||
      !restarts->is_int())
    return std::nullopt;
  LeaseJob job{cluster->as_string(), number->as_int(), static_cast<int>(restarts->as_int())};
  if (const Json* user = json.find("user"); user && user->is_int()) job.user = user->as_int();
  return job;
}

/// What the file says; nullopt if it is empty. What can't be read becomes a holder without a name.
std::optional<LeaseHolder> parse_holder(const std::string& text) {
  if (text.empty()) return std::nullopt;
  LeaseHolder holder{.host = "unknown"};
  const std::optional<Json> json = try_parse_json(text);
  if (!json) return holder;
  if (const Json* v = json->find("host"); v && v->is_string()) holder.host = v->as_string();
  if (const Json* v = json->find("pid"); v && v->is_int())
    holder.pid = static_cast<int>(v->as_int());
  if (const Json* v = json->find("process_start"); v && v->is_int())
    holder.process_start = static_cast<std::uint64_t>(v->as_int());
  if (const Json* v = json->find("boot_id"); v && v->is_string()) holder.boot_id = v->as_string();
  if (const Json* v = json->find("job")) holder.job = parse_job(*v);
  return holder;
}

std::string read_small(int fd) {
  char buffer[4096];
  const ssize_t n = ::pread(fd, buffer, sizeof buffer, 0);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
}

std::string to_text(const std::optional<LeaseHolder>& holder) {
  if (!holder) return "by another process";
  return "pid " + std::to_string(holder->pid) + " on host " + holder->host +
         (holder->job ? ", Slurm job " + std::to_string(holder->job->number) : "");
}

class FileLease final : public Lease {
 public:
  explicit FileLease(int fd) : fd_(fd) {}
  FileLease(const FileLease&) = delete;
  FileLease& operator=(const FileLease&) = delete;
  ~FileLease() override {
    // An empty file says that the lease was given back in order. If that can't be written, it
    // matters on shared file systems only, where a person is asked.
    // What another has written there since is not ours to remove.
    if (held_ && read_small(fd_) == text_ && ::ftruncate(fd_, 0) != 0) held_ = false;
    ::close(fd_);
  }

  void take(const std::filesystem::path& path, const std::string& subject,
            const LeaseOptions& options) {
    lock(path, subject, options);
    const LeaseHolder me = self(options);
    const std::optional<LeaseHolder> before = parse_holder(read_small(fd_));
    if (before && before->host != me.host && may_be_shared(fd_) && !is_dead(*before, options))
      throw Error(ErrorCode::AlreadyExists,
                  subject + " was left running (" + to_text(before) + ") on a shared file system",
                  "if that host no longer runs it, remove " + path.string());
    text_ = to_text(me);
    if (::ftruncate(fd_, 0) != 0 ||
        ::pwrite(fd_, text_.data(), text_.size(), 0) != static_cast<ssize_t>(text_.size()))
      throw errno_error(errno, "can't write " + path.string());
    // At the file server now, where a tuner that is not as dead as believed looks for it.
    if (may_be_shared(fd_) && ::fsync(fd_) != 0)
      throw errno_error(errno, "can't write " + path.string());
    held_ = true;
  }

  void confirm(const std::filesystem::path& path) const override {
    // Opened anew, since that is when a network file system asks its server.
    const std::string now = read_file(path);
    if (now != text_)
      throw Error(ErrorCode::AlreadyExists,
                  "this tuning was taken over (" + to_text(parse_holder(now)) + ")",
                  "that one goes on with it");
  }

 private:
  void lock(const std::filesystem::path& path, const std::string& subject,
            const LeaseOptions& options) const {
    const auto until = std::chrono::steady_clock::now() + kLockOfTheDead;
    for (;; std::this_thread::sleep_for(std::chrono::seconds(1))) {
      struct flock lock = whole_file();
      if (::fcntl(fd_, F_OFD_SETLK, &lock) == 0) return;
      if (errno != EAGAIN && errno != EACCES)
        throw errno_error(errno, "can't lock " + path.string());
      const std::optional<LeaseHolder> holder = parse_holder(read_small(fd_));
      const bool will_pass = holder && holder->host != host_name() && is_dead(*holder, options) &&
                             std::chrono::steady_clock::now() < until;
      if (!will_pass)
        throw Error(ErrorCode::AlreadyExists, subject + " is running (" + to_text(holder) + ")",
                    "wait for it, or interrupt that process");
    }
  }

  int fd_;
  bool held_ = false;
  /// What we wrote.
  std::string text_;
};

}  // namespace

bool is_dead(const LeaseHolder& left_behind, const LeaseOptions& options) {
  if (!left_behind.job) return false;
  const LeaseJob& job = *left_behind.job;
  if (options.job && options.job->cluster == job.cluster && options.job->number == job.number)
    return options.job->restarts > job.restarts;
  return options.is_over && options.is_over(job);
}

std::unique_ptr<Lease> acquire_lease(const std::filesystem::path& path, const std::string& subject,
                                     const LeaseOptions& options) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) throw errno_error(errno, "can't open " + path.string());
  auto lease = std::make_unique<FileLease>(fd);
  lease->take(path, subject, options);
  return lease;
}

std::optional<LeaseHolder> lease_holder(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  struct flock lock = whole_file();
  const bool held = ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  std::optional<LeaseHolder> holder;
  if (held) holder = parse_holder(read_small(fd)).value_or(LeaseHolder{.host = "unknown"});
  ::close(fd);
  return holder;
}

}  // namespace skipjack
