// An open-file-description lock: it belongs to the open file, goes with the process, and can be
// asked after without being taken, so that a reader never makes a tuner's attempt fail.
#include "skipjack/journal/lease.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/json.h"

namespace skipjack {
namespace {

/// Magic numbers of statfs(2) for file systems that several hosts may have mounted: NFS, SMB
/// (three), Lustre, GPFS, Ceph, AFS, BeeGFS, FUSE.
constexpr long kSharedFileSystems[] = {0x6969,     0x517b,     0xff534d42, 0xfe534d42, 0x0bd00bd0,
                                       0x47504653, 0x00c36400, 0x5346414f, 0x19830326, 0x65735546};

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

LeaseHolder self() {
  return LeaseHolder{.host = host_name(),
                     .pid = static_cast<int>(::getpid()),
                     .process_start = own_start(),
                     .boot_id = first_line("/proc/sys/kernel/random/boot_id")};
}

std::string to_text(const LeaseHolder& holder) {
  return to_json_text(
             Json::Object{{"host", holder.host},
                          {"pid", holder.pid},
                          {"process_start", static_cast<std::int64_t>(holder.process_start)},
                          {"boot_id", holder.boot_id}}) +
         "\n";
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
  return holder;
}

std::string read_small(int fd) {
  char buffer[4096];
  const ssize_t n = ::pread(fd, buffer, sizeof buffer, 0);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
}

std::string to_text(const std::optional<LeaseHolder>& holder) {
  if (!holder) return "by another process";
  return "pid " + std::to_string(holder->pid) + " on host " + holder->host;
}

class FileLease final : public Lease {
 public:
  explicit FileLease(int fd) : fd_(fd) {}
  FileLease(const FileLease&) = delete;
  FileLease& operator=(const FileLease&) = delete;
  ~FileLease() override {
    // An empty file says that the lease was given back in order. If that can't be written, it
    // matters on shared file systems only, where a person is asked.
    if (held_ && ::ftruncate(fd_, 0) != 0) held_ = false;
    ::close(fd_);
  }

  void take(const std::filesystem::path& path, const std::string& subject) {
    struct flock lock = whole_file();
    if (::fcntl(fd_, F_OFD_SETLK, &lock) != 0) {
      if (errno != EAGAIN && errno != EACCES)
        throw errno_error(errno, "can't lock " + path.string());
      throw Error(ErrorCode::AlreadyExists,
                  subject + " is running (" + to_text(parse_holder(read_small(fd_))) + ")",
                  "wait for it, or interrupt that process");
    }
    const LeaseHolder me = self();
    const std::optional<LeaseHolder> before = parse_holder(read_small(fd_));
    if (before && before->host != me.host && may_be_shared(fd_))
      throw Error(ErrorCode::AlreadyExists,
                  subject + " was left running (" + to_text(before) + ") on a shared file system",
                  "if that host no longer runs it, remove " + path.string());
    const std::string text = to_text(me);
    if (::ftruncate(fd_, 0) != 0 ||
        ::pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
      throw errno_error(errno, "can't write " + path.string());
    held_ = true;
  }

 private:
  int fd_;
  bool held_ = false;
};

}  // namespace

std::unique_ptr<Lease> acquire_lease(const std::filesystem::path& path,
                                     const std::string& subject) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) throw errno_error(errno, "can't open " + path.string());
  auto lease = std::make_unique<FileLease>(fd);
  lease->take(path, subject);
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
