// A file as a sink. Whole blocks go around the page cache where that pays: the cache costs a copy
// and fresh pages, several times what it costs to receive the bytes. Fragments at the edges of
// parts and the file's end go through it.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/folder_sync.h"
#include "skipjack/s3/io_ring.h"
#include "skipjack/s3/name_beside.h"
#include "skipjack/s3/own_file.h"
#include "skipjack/s3/sink.h"

namespace skipjack::s3 {
namespace {

/// Auto: objects below this go through the page cache, which has room for them.
constexpr std::int64_t kSmallestDirectFile = 64 * kMiB;
/// A page, so that none holds both bytes that went through the cache and bytes that went around it.
constexpr std::int64_t kSmallestAlignment = 4096;
constexpr std::int64_t kLargestAlignment = 64 * kKiB;
/// A disk is kept busy while one writer fetches the next buffer: bench/s3, docs/s3-speed.md.
constexpr int kDirectWriters = 2;

void write_all(int fd, std::int64_t offset, std::span<const std::byte> bytes,
               const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      offset += n;
    } else if (n == 0 || errno != EINTR) {
      throw errno_error(n == 0 ? EIO : errno, "can't write " + name);
    }
  }
}

/// Eight random bytes in hexadecimal: two downloads to one name don't meet, and nobody can lay a
/// link in wait.
std::string random_suffix() {
  unsigned char bytes[8];
  if (::getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes))
    throw errno_error(errno, "can't draw a temporary name");
  std::string text;
  for (const unsigned char byte : bytes) {
    constexpr char kHex[] = "0123456789abcdef";
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::string name_of_descriptor(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

/// A file of the folder's file system without a name, which the system drops when the process dies;
/// -1 where the file system has no such files, or no /proc is there to give it a name later.
int open_nameless(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (fd >= 0 && ::access(name_of_descriptor(fd).c_str(), F_OK) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

/// What offsets, lengths and addresses must be multiples of to go around the page cache of this
/// file; 0 where that is not possible.
std::int64_t direct_alignment(int fd) {
#ifdef STATX_DIOALIGN
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0) {
    const std::int64_t alignment = std::max<std::int64_t>(
        {kSmallestAlignment, status.stx_dio_offset_align, status.stx_dio_mem_align});
    return status.stx_dio_offset_align > 0 && alignment <= kLargestAlignment ? alignment : 0;
  }
#endif
  // Kernels before 6.1 don't say; these two can.
  struct statfs file_system {};
  const bool can = ::fstatfs(fd, &file_system) == 0 && (file_system.f_type == EXT4_SUPER_MAGIC ||
                                                        file_system.f_type == XFS_SUPER_MAGIC);
  return can ? kSmallestAlignment : 0;
}

class FileSink final : public Sink {
 public:
  FileSink(std::filesystem::path path, const FileSinkOptions& options)
      : path_(std::move(path)),
        temporary_(options.kept_name),
        shown_(options.shown.empty() ? path_.string() : options.shown),
        write_mode_(options.write_mode),
        is_durable_(options.is_durable),
        is_kept_(!options.kept_name.empty()) {
    if (is_kept_) {
      open_named(0);
      return;
    }
    temporary_ = name_beside(path_, "." + random_suffix() + ".part");
    if (options.unfinished == UnfinishedFile::Nameless) fd_ = open_nameless(folder());
    if (fd_ >= 0) return;
    open_named(O_EXCL);
  }
  ~FileSink() override { abandon(); }

  Delivery delivery() const override { return Delivery::Written; }

  void open(std::int64_t size) override {
    if (size == 0) return;
    lay_out(size);
    if (write_mode_ == WriteMode::Direct ||
        (write_mode_ == WriteMode::Auto && size >= kSmallestDirectFile))
      open_direct();
  }

  WriteHints hints() const override {
    if (direct_fd_ < 0) return {.is_durable = is_durable_};
    return {.alignment = alignment_,
            .num_writers = kDirectWriters,
            .direct_file = direct_fd_,
            .is_durable = is_durable_};
  }

  void write(std::int64_t offset, std::span<const std::byte> bytes) override {
    if (direct_fd_ >= 0) {
      const auto ahead = static_cast<std::size_t>((alignment_ - offset % alignment_) % alignment_);
      if (ahead < bytes.size() && is_aligned(bytes.data() + ahead)) {
        write_all(fd_, offset, bytes.first(ahead), shown_);
        offset += static_cast<std::int64_t>(ahead);
        bytes = bytes.subspan(ahead);
        const std::size_t written = write_blocks(offset, bytes);
        offset += static_cast<std::int64_t>(written);
        bytes = bytes.subspan(written);
      }
    }
    write_all(fd_, offset, bytes, shown_);
  }

  void sync() override {
    if (is_durable_ && ::fsync(fd_) != 0)
      throw errno_error(errno, "can't bring " + shown_ + " onto the disk");
  }

  void finish() override {
    std::optional<SyncedFolder> synced_folder;
    if (is_durable_) synced_folder.emplace(folder());
    // A link can't replace a file that is there, so a nameless one gets the temporary name first.
    if (!has_temporary_name_) {
      if (::linkat(AT_FDCWD, name_of_descriptor(fd_).c_str(), AT_FDCWD, temporary_.c_str(),
                   AT_SYMLINK_FOLLOW) != 0)
        throw errno_error(errno, "can't give the finished download the name " + shown_);
      has_temporary_name_ = true;
    }
    close_direct();
    if (::close(std::exchange(fd_, -1)) != 0) throw errno_error(errno, "can't write " + shown_);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      throw errno_error(errno, "can't rename the finished download to " + shown_);
    has_temporary_name_ = false;
    if (synced_folder) synced_folder->sync();
  }

  void abandon() noexcept override {
    close_direct();
    // First: the last one to let go of a file frees it.
    if (std::exchange(has_temporary_name_, false) && !is_kept_) ::unlink(temporary_.c_str());
    if (fd_ >= 0) close_without_waiting(std::exchange(fd_, -1));
  }

 private:
  std::filesystem::path folder() const {
    return path_.has_parent_path() ? path_.parent_path() : ".";
  }

  void open_named(int flags) {
    fd_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0666);
    if (fd_ < 0) throw errno_error(errno, "can't create a file for " + shown_);
    // A name that is always the same may be taken.
    if (is_kept_ && !is_own_file(fd_)) {
      ::close(std::exchange(fd_, -1));
      throw foreign_file_error(temporary_);
    }
    has_temporary_name_ = true;
  }

  /// Room is found now rather than after an hour; and extents are laid out in one go. Not on tmpfs,
  /// where it would mean clearing every page before the first byte comes.
  void lay_out(std::int64_t size) {
    struct statfs file_system {};
    const bool in_memory = ::fstatfs(fd_, &file_system) == 0 &&
                           (file_system.f_type == TMPFS_MAGIC || file_system.f_type == RAMFS_MAGIC);
    const auto no_room = [&] {
      return errno_error(errno, "no room for the " + std::to_string(size) + " bytes of " + shown_);
    };
    if (!in_memory) {
      int result = 0;
      do {
        result = ::fallocate(fd_, 0, 0, size);
      } while (result != 0 && errno == EINTR);
      if (result == 0) return;
      if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) throw no_room();
    }
    if (::ftruncate(fd_, size) != 0) throw no_room();
  }

  void open_direct() {
    alignment_ = direct_alignment(fd_);
    // A descriptor of its own: O_DIRECT holds for all that is written through one.
    if (alignment_ > 0)
      direct_fd_ = ::open(name_of_descriptor(fd_).c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    if (direct_fd_ < 0 && write_mode_ == WriteMode::Direct)
      throw Error(ErrorCode::Unsupported,
                  "the file system of " + shown_ + " can't write around the page cache",
                  "leave write_mode at auto");
  }

  void close_direct() noexcept {
    if (direct_fd_ >= 0) ::close(std::exchange(direct_fd_, -1));
  }

  bool is_aligned(const std::byte* address) const {
    return reinterpret_cast<std::uintptr_t>(address) % static_cast<std::uintptr_t>(alignment_) == 0;
  }

  /// Around the page cache, from an aligned offset; returns how many bytes, whole blocks only. The
  /// rest is for the page cache, and so is everything once the file system has refused.
  std::size_t write_blocks(std::int64_t offset, std::span<const std::byte> bytes) {
    const auto block = static_cast<std::size_t>(alignment_);
    const std::size_t size = bytes.size() / block * block;
    std::size_t written = 0;
    while (written < size && !is_refused_) {
      const ssize_t n = ::pwrite(direct_fd_, bytes.data() + written, size - written,
                                 offset + static_cast<std::int64_t>(written));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno != EINVAL) throw errno_error(errno, "can't write " + shown_);
      if (n < 0) is_refused_ = true;
      if (n <= 0) break;
      written += static_cast<std::size_t>(n) / block * block;
      if (static_cast<std::size_t>(n) % block != 0) break;
    }
    return written;
  }

  std::filesystem::path path_, temporary_;
  std::string shown_;
  WriteMode write_mode_;
  bool is_durable_, is_kept_;
  int fd_ = -1;
  /// Set by open(), as alignment_ is; -1: everything goes through the page cache.
  int direct_fd_ = -1;
  std::int64_t alignment_ = 0;
  std::atomic<bool> is_refused_ = false;
  bool has_temporary_name_ = false;
};

/// /dev/null and its like: never renamed over, never removed.
class DeviceSink final : public Sink {
 public:
  explicit DeviceSink(std::filesystem::path path)
      : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw errno_error(errno, "can't open " + path_.string());
  }
  ~DeviceSink() override { abandon(); }
  Delivery delivery() const override { return Delivery::Written; }
  void open(std::int64_t) override {}
  void write(std::int64_t offset, std::span<const std::byte> bytes) override {
    write_all(fd_, offset, bytes, path_.string());
  }
  void finish() override {
    if (::close(std::exchange(fd_, -1)) != 0)
      throw errno_error(errno, "can't write " + path_.string());
  }
  void abandon() noexcept override {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  std::filesystem::path path_;
  int fd_;
};

}  // namespace

std::unique_ptr<Sink> make_file_sink(const std::filesystem::path& path,
                                     const FileSinkOptions& options) {
  if (path.empty() || !path.has_filename())
    throw Error(ErrorCode::InvalidArgument, "the target \"" + path.string() + "\" names no file",
                "give the name of a file");
  if (path.native().find('\0') != std::string::npos)
    throw Error(ErrorCode::InvalidArgument,
                "the target \"" + std::string(path.c_str()) + "\" goes on after a zero byte",
                "give the name of a file");
  struct stat status {};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  // How long a name may be is the file system's to say, and now rather than when all is there.
  if (!is_there && errno == ENAMETOOLONG)
    throw Error(ErrorCode::InvalidArgument,
                "the target's name is too long for its file system: " + path.string(),
                "choose a shorter one");
  if (is_there && !S_ISREG(status.st_mode)) {
    if (S_ISCHR(status.st_mode)) return std::make_unique<DeviceSink>(path);
    if (S_ISDIR(status.st_mode))
      throw Error(ErrorCode::InvalidArgument, "the target " + path.string() + " is a folder",
                  "give the name of a file in it");
    throw Error(ErrorCode::Unsupported,
                "the target " + path.string() + " is neither a file nor a character device",
                "download to a file, or into memory");
  }
  return std::make_unique<FileSink>(path, options);
}

}  // namespace skipjack::s3
