#include "skipjack/s3/upload_source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

/// Longest wait for a pipe's other side before the stop token is looked at.
constexpr int kLookMilliseconds = 20;

/// A file. One without a size (a pipe, a device) may keep its reader waiting, from its opening on:
/// it is opened without that, and waited for as long as nobody stops it.
class FileReader final : public UploadReader {
 public:
  FileReader(const std::filesystem::path& path, std::stop_token stop)
      : name_(path.string()),
        stop_(std::move(stop)),
        fd_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (fd_ < 0) throw errno_error(errno, "can't open " + name_);
    struct ::stat status {};
    ::fstat(fd_, &status);
    if (S_ISDIR(status.st_mode)) {
      ::close(fd_);
      throw Error(ErrorCode::InvalidArgument, name_ + " is a folder", "give the name of a file");
    }
    // Pipes and devices have no size that means anything.
    if (S_ISREG(status.st_mode)) size_ = status.st_size;
    modified_ = status.st_mtim;
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~FileReader() override { ::close(fd_); }
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  std::optional<std::int64_t> size() const override { return size_; }
  std::string read(std::int64_t size) override {
    if (size_) size = std::min(size, *size_ - done_);
    std::string bytes(static_cast<std::size_t>(size), '\0');
    std::size_t filled = 0;
    while (filled < bytes.size()) {
      const std::size_t n = read_some(std::as_writable_bytes(std::span(bytes)).subspan(filled));
      if (n == 0) break;
      filled += n;
    }
    bytes.resize(filled);
    done_ += static_cast<std::int64_t>(filled);
    if (size_ && static_cast<std::int64_t>(filled) < size)
      throw Error(ErrorCode::Io, name_ + " became shorter while it was read", "upload it again");
    if (done_ == size_) require_unchanged();
    return bytes;
  }

 private:
  std::size_t read_some(std::span<std::byte> space) const {
    for (;;) {
      if (!size_) wait_for_bytes();
      const ssize_t n = ::read(fd_, space.data(), space.size());
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR && errno != EAGAIN) throw errno_error(errno, "can't read " + name_);
    }
  }

  /// Until there are some, or the end: a pipe's end comes after its first writer, not before.
  void wait_for_bytes() const {
    ::pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    do {
      if (stop_.stop_requested()) throw Error(ErrorCode::Cancelled, "the upload was cancelled");
    } while (::poll(&waiting, 1, kLookMilliseconds) <= 0);
  }

  /// What was written meanwhile may be a mixture of old and new. One that has only grown can't be
  /// told from that.
  void require_unchanged() const {
    struct ::stat status {};
    if (::fstat(fd_, &status) != 0) throw errno_error(errno, "can't look at " + name_);
    if (status.st_size != *size_ || status.st_mtim.tv_sec != modified_.tv_sec ||
        status.st_mtim.tv_nsec != modified_.tv_nsec)
      throw Error(ErrorCode::Corrupted, name_ + " was changed while it was read",
                  "upload it again when nobody writes to it, or a copy of it");
  }

  const std::string name_;
  const std::stop_token stop_;
  const int fd_;
  std::optional<std::int64_t> size_;
  ::timespec modified_{};
  std::int64_t done_ = 0;
};

class MemoryReader final : public UploadReader {
 public:
  explicit MemoryReader(std::string_view bytes)
      : bytes_(bytes), size_(static_cast<std::int64_t>(bytes.size())) {}
  std::optional<std::int64_t> size() const override { return size_; }
  std::string read(std::int64_t size) override {
    std::string piece(bytes_.substr(0, static_cast<std::size_t>(size)));
    bytes_.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view bytes_;
  const std::int64_t size_;
};

class StreamReader final : public UploadReader {
 public:
  explicit StreamReader(FromStream stream) : stream_(std::move(stream)) {}
  std::optional<std::int64_t> size() const override { return std::nullopt; }
  std::string read(std::int64_t size) override {
    std::string bytes(static_cast<std::size_t>(size), '\0');
    bytes.resize(std::min(bytes.size(), stream_.read(std::as_writable_bytes(std::span(bytes)))));
    return bytes;
  }

 private:
  const FromStream stream_;
};

}  // namespace

std::unique_ptr<UploadReader> open_source(const UploadSource& source, std::stop_token stop) {
  if (const auto* file = std::get_if<FromFile>(&source))
    return std::make_unique<FileReader>(file->path, std::move(stop));
  if (const auto* memory = std::get_if<FromMemory>(&source))
    return std::make_unique<MemoryReader>(memory->bytes);
  return std::make_unique<StreamReader>(std::get<FromStream>(source));
}

std::optional<std::string> PieceReader::next(std::int64_t size) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    if (piece_) {
      is_reading_ = false;
      return std::exchange(piece_, std::nullopt);
    }
    if (std::exchange(is_reading_, true)) return std::nullopt;
  }
  thread_ = std::jthread([this, size] {
    std::optional<std::string> piece;
    std::exception_ptr failure;
    try {
      piece = source_.read(size);
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      piece_ = std::move(piece);
      failure_ = failure;
    }
    on_read_();
  });
  return std::nullopt;
}

}  // namespace skipjack::s3
