#include "skipjack/s3/sink.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/s3/client.h"

namespace skipjack::s3 {
namespace {

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

class FileSink final : public Sink {
 public:
  FileSink(std::filesystem::path path, UnfinishedFile unfinished) : path_(std::move(path)) {
    constexpr std::size_t kLongestName = 255;
    const std::string suffix = "." + random_suffix() + ".part";
    const std::string name = path_.filename().string();
    temporary_ = path_;
    temporary_.replace_filename(name.substr(0, kLongestName - suffix.size()) + suffix);
    if (unfinished == UnfinishedFile::Nameless)
      fd_ = open_nameless(path_.has_parent_path() ? path_.parent_path() : ".");
    if (fd_ >= 0) return;
    fd_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd_ < 0) throw errno_error(errno, "can't create a file for " + path_.string());
    has_temporary_name_ = true;
  }
  ~FileSink() override { abandon(); }

  Delivery delivery() const override { return Delivery::Written; }

  void open(std::int64_t size) override {
    if (size == 0) return;
    // Room is found now rather than after an hour; and extents are laid out in one go. Not on
    // tmpfs, where it would mean clearing every page before the first byte comes.
    struct statfs file_system {};
    const bool in_memory = ::fstatfs(fd_, &file_system) == 0 &&
                           (file_system.f_type == TMPFS_MAGIC || file_system.f_type == RAMFS_MAGIC);
    if (!in_memory) {
      int result = 0;
      do {
        result = ::fallocate(fd_, 0, 0, size);
      } while (result != 0 && errno == EINTR);
      if (result == 0) return;
      if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
        throw errno_error(
            errno, "no room for the " + std::to_string(size) + " bytes of " + path_.string());
    }
    if (::ftruncate(fd_, size) != 0)
      throw errno_error(errno,
                        "no room for the " + std::to_string(size) + " bytes of " + path_.string());
  }

  void write(std::int64_t offset, std::span<const std::byte> bytes) override {
    write_all(fd_, offset, bytes, path_.string());
  }

  void finish() override {
    // A link can't replace a file that is there, so a nameless one gets the temporary name first.
    if (!has_temporary_name_) {
      if (::linkat(AT_FDCWD, name_of_descriptor(fd_).c_str(), AT_FDCWD, temporary_.c_str(),
                   AT_SYMLINK_FOLLOW) != 0)
        throw errno_error(errno, "can't give the finished download the name " + path_.string());
      has_temporary_name_ = true;
    }
    if (::close(std::exchange(fd_, -1)) != 0)
      throw errno_error(errno, "can't write " + path_.string());
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      throw errno_error(errno, "can't rename the finished download to " + path_.string());
    has_temporary_name_ = false;
  }

  void abandon() noexcept override {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    if (std::exchange(has_temporary_name_, false)) ::unlink(temporary_.c_str());
  }

 private:
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
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

class MemorySink final : public Sink {
 public:
  explicit MemorySink(MemoryObject& object) : object_(object) {}
  ~MemorySink() override {
    if (!finished_) abandon();
  }
  Delivery delivery() const override { return Delivery::InPlace; }
  void open(std::int64_t size) override {
    // Not cleared first: the pages are touched once, by the bytes that come; huge pages where the
    // system has them, since a fault for every 4 KiB costs several times the copy.
    constexpr std::size_t kHugePage = std::size_t{2} << 20;
    const auto length = std::max<std::size_t>(1, static_cast<std::size_t>(size));
    const std::size_t alignment = length >= kHugePage ? kHugePage : alignof(std::max_align_t);
    if (length > SIZE_MAX - alignment)
      throw Error(ErrorCode::InvalidArgument,
                  std::to_string(size) + " bytes don't fit into memory");
    const std::size_t rounded = (length + alignment - 1) / alignment * alignment;
    object_.bytes.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded)));
    if (object_.bytes == nullptr)
      throw Error(ErrorCode::Exhausted,
                  "no memory for an object of " + std::to_string(size) + " bytes",
                  "download it to a file");
    // Only advice: where it is refused, small pages serve.
    if (alignment == kHugePage) ::madvise(object_.bytes.get(), rounded, MADV_HUGEPAGE);
    object_.size = static_cast<std::size_t>(size);
  }
  void write(std::int64_t, std::span<const std::byte>) override {
    SKIPJACK_CHECK(!"received in place");
  }
  std::byte* memory() override { return object_.bytes.get(); }
  void finish() override { finished_ = true; }
  void abandon() noexcept override { object_ = {}; }

 private:
  MemoryObject& object_;
  bool finished_ = false;
};

class DiscardSink final : public Sink {
 public:
  Delivery delivery() const override { return Delivery::Dropped; }
  void open(std::int64_t) override {}
  void write(std::int64_t, std::span<const std::byte>) override { SKIPJACK_CHECK(!"dropped"); }
  void finish() override {}
  void abandon() noexcept override {}
};

}  // namespace

std::unique_ptr<Sink> make_file_sink(const std::filesystem::path& path, UnfinishedFile unfinished) {
  if (path.empty() || !path.has_filename())
    throw Error(ErrorCode::InvalidArgument, "the target \"" + path.string() + "\" names no file",
                "give the name of a file");
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    if (S_ISCHR(status.st_mode)) return std::make_unique<DeviceSink>(path);
    if (S_ISDIR(status.st_mode))
      throw Error(ErrorCode::InvalidArgument, "the target " + path.string() + " is a folder",
                  "give the name of a file in it");
    throw Error(ErrorCode::Unsupported,
                "the target " + path.string() + " is neither a file nor a character device",
                "download to a file, or into memory");
  }
  return std::make_unique<FileSink>(path, unfinished);
}

std::unique_ptr<Sink> make_memory_sink(MemoryObject& object) {
  return std::make_unique<MemorySink>(object);
}
std::unique_ptr<Sink> make_discard_sink() { return std::make_unique<DiscardSink>(); }

}  // namespace skipjack::s3
