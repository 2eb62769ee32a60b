#include "skipjack/s3/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/json.h"
#include "skipjack/s3/crc.h"
#include "skipjack/s3/name_beside.h"
#include "skipjack/s3/own_file.h"

namespace skipjack::s3 {
namespace {

constexpr std::string_view kMagic = "skipjack partial 1 ";
// What is read at a time to be verified.
constexpr std::size_t kLargestRecord = std::size_t{16} << 20;
// "offset length crc check\n", in hexadecimal digits of fixed width.
constexpr std::size_t kRecordBytes = 16 + 1 + 8 + 1 + 16 + 1 + 16 + 1;

std::uint64_t crc_of(std::span<const std::byte> bytes) {
  return crc_update(CrcKind::Crc64Nvme, 0, bytes);
}
std::uint64_t crc_of(std::string_view text) { return crc_of(std::as_bytes(std::span(text))); }

std::string hexadecimal(std::uint64_t value, int digits) {
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%0*llx", digits, static_cast<unsigned long long>(value));
  return text.data();
}

std::optional<std::uint64_t> parse_hexadecimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Record {
  ByteRange range;
  std::uint64_t crc = 0;
};

std::string to_line(const Record& record) {
  const std::string text = hexadecimal(static_cast<std::uint64_t>(record.range.begin), 16) + " " +
                           hexadecimal(static_cast<std::uint64_t>(record.range.size()), 8) + " " +
                           hexadecimal(record.crc, 16);
  return text + " " + hexadecimal(crc_of(text), 16) + "\n";
}

/// nullopt for a line that was not written whole.
std::optional<Record> parse_record(std::string_view line, std::int64_t size) {
  const auto begin = parse_hexadecimal(line.substr(0, 16));
  const auto length = parse_hexadecimal(line.substr(17, 8));
  const auto crc = parse_hexadecimal(line.substr(26, 16));
  const auto check = parse_hexadecimal(line.substr(43, 16));
  if (!begin || !length || !crc || !check || *check != crc_of(line.substr(0, 42)))
    return std::nullopt;
  const auto end = static_cast<std::int64_t>(size);
  if (*begin > static_cast<std::uint64_t>(end) || *length == 0 || *length > kLargestRecord ||
      static_cast<std::int64_t>(*begin + *length) > end)
    return std::nullopt;
  return Record{{static_cast<std::int64_t>(*begin), static_cast<std::int64_t>(*begin + *length)},
                *crc};
}

std::string to_line(const ObjectIdentity& identity) {
  Json json{Json::Object{}};
  json.set("object", identity.name);
  json.set("etag", identity.etag);
  json.set("version_id", identity.version_id);
  json.set("size", identity.size);
  const std::string text = std::string(kMagic) + to_json_text(json);
  return text + " " + hexadecimal(crc_of(text), 16) + "\n";
}

std::optional<ObjectIdentity> parse_identity(std::string_view line) {
  if (line.size() < kMagic.size() + 17 || !line.starts_with(kMagic)) return std::nullopt;
  const std::string_view text = line.substr(0, line.size() - 17);
  if (parse_hexadecimal(line.substr(line.size() - 16)) != crc_of(text)) return std::nullopt;
  try {
    const Json json = parse_json(std::string(text.substr(kMagic.size())));
    const auto field = [&](const char* name) {
      const Json* value = json.find(name);
      return value != nullptr && value->is_string() ? value->as_string() : std::string();
    };
    const Json* size = json.find("size");
    if (size == nullptr || !size->is_int() || size->as_int() < 0) return std::nullopt;
    return ObjectIdentity{field("object"), field("etag"), field("version_id"), size->as_int()};
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool is_same(const ObjectIdentity& a, const ObjectIdentity& b) {
  return a.name == b.name && a.etag == b.etag && a.version_id == b.version_id && a.size == b.size &&
         !a.etag.empty();
}

/// What ranges leave of [0, size).
std::vector<ByteRange> complement(std::vector<ByteRange> ranges, std::int64_t size) {
  std::sort(ranges.begin(), ranges.end(),
            [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
  std::vector<ByteRange> rest;
  std::int64_t at = 0;
  for (const ByteRange& range : ranges) {
    if (range.begin > at) rest.push_back({at, range.begin});
    at = std::max(at, range.end);
  }
  if (at < size) rest.push_back({at, size});
  return rest;
}

class Partial final : public PartialFile {
 public:
  Partial(const std::filesystem::path& path, FileSinkOptions options)
      : partial_(name_beside(path, ".skipjack-part")),
        journal_(name_beside(path, ".skipjack-journal")),
        shown_(options.shown.empty() ? path.string() : options.shown) {
    open_journal();
    try {
      read_journal();
      options.kept_name = partial_;
      file_ = make_file_sink(path, options);
    } catch (...) {
      abandon();
      throw;
    }
  }
  ~Partial() override { abandon(); }

  const std::optional<Earlier>& earlier() const override { return earlier_; }

  std::vector<ByteRange> take_up(const ObjectIdentity& identity, const Present& present) override {
    std::vector<ByteRange> there;
    is_forgotten_ = false;
    if (earlier_ && is_same(earlier_->identity, identity)) {
      there = verified(present);
    } else {
      records_.clear();
      reset(to_line(identity));
    }
    is_worth_keeping_ = !there.empty();
    return complement(std::move(there), identity.size);
  }

  void forget() noexcept override {
    earlier_.reset();
    records_.clear();
    is_forgotten_ = true;
  }

  Delivery delivery() const override { return file_->delivery(); }
  void open(std::int64_t size) override { file_->open(size); }
  WriteHints hints() const override {
    WriteHints hints = file_->hints();
    hints.direct_file = -1;  // The journal has to be told of every write.
    return hints;
  }

  void write(std::int64_t offset, std::span<const std::byte> bytes) override {
    file_->write(offset, bytes);
    std::string lines;
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(bytes.size(), kLargestRecord));
      const auto end = offset + static_cast<std::int64_t>(piece.size());
      lines += to_line(Record{{offset, end}, crc_of(piece)});
      offset = end;
      bytes = bytes.subspan(piece.size());
    }
    // In one call: lines of two writers don't mix. What is not written whole is not believed.
    const ssize_t written = ::write(fd_, lines.data(), lines.size());
    if (written != static_cast<ssize_t>(lines.size()))
      throw errno_error(written < 0 ? errno : ENOSPC, "can't write the journal of " + shown_);
    is_worth_keeping_ = true;
  }

  void sync() override { file_->sync(); }

  void finish() override {
    file_->finish();
    ::unlink(journal_.c_str());
    close_journal();
  }

  void abandon() noexcept override {
    // The writers have ended: what is worth keeping is known. A file that has got its name already
    // (only the sync of that failed) needs no journal.
    if (fd_ >= 0 && (is_forgotten_ || !is_worth_keeping_ || !is_partial_there())) {
      ::unlink(partial_.c_str());
      ::unlink(journal_.c_str());
    }
    if (file_) file_->abandon();
    close_journal();
  }

 private:
  bool is_partial_there() const noexcept {
    return ::faccessat(AT_FDCWD, partial_.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  }

  /// Nobody else's, and not one that was removed between open and lock.
  void open_journal() {
    for (;;) {
      fd_ = ::open(journal_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
      if (fd_ < 0) throw errno_error(errno, "can't create a file for " + shown_);
      if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        close_journal();
        if (error != EWOULDBLOCK) throw errno_error(error, "can't lock the journal of " + shown_);
        throw Error(ErrorCode::AlreadyExists, "another download to " + shown_ + " is on its way",
                    "wait for it, or download to another file");
      }
      struct stat status {};
      if (::fstat(fd_, &status) == 0 && status.st_nlink > 0) {
        if (is_own_file(fd_)) return;
        close_journal();
        throw foreign_file_error(journal_);
      }
      close_journal();
    }
  }

  void close_journal() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  void reset(const std::string& head) {
    const int partial = ::open(partial_.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool is_empty = partial >= 0 && ::ftruncate(partial, 0) == 0;
    const int error = errno;
    if (partial >= 0) ::close(partial);
    if (!is_empty) throw errno_error(error, "can't write " + shown_);
    if (::ftruncate(fd_, 0) != 0 ||
        ::write(fd_, head.data(), head.size()) != static_cast<ssize_t>(head.size()))
      throw errno_error(errno, "can't write the journal of " + shown_);
  }

  void read_journal() {
    const std::string text = read_file(journal_);
    const std::size_t head_end = text.find('\n');
    if (head_end == std::string::npos) return;
    const auto identity = parse_identity(std::string_view(text).substr(0, head_end));
    if (!identity) return;
    std::size_t at = head_end + 1;
    std::vector<ByteRange> claimed;
    for (; at + kRecordBytes <= text.size(); at += kRecordBytes) {
      const auto record =
          parse_record(std::string_view(text).substr(at, kRecordBytes), identity->size);
      if (!record) break;
      records_.push_back(*record);
      claimed.push_back(record->range);
    }
    // What comes next goes behind what is whole.
    if (::ftruncate(fd_, static_cast<off_t>(at)) != 0)
      throw errno_error(errno, "can't write the journal of " + shown_);
    if (records_.empty()) return;
    is_worth_keeping_ = true;
    std::vector<ByteRange> missing = complement(claimed, identity->size);
    if (missing.empty()) {
      missing = {records_.back().range};
      std::erase_if(records_, [&](const Record& record) { return overlap(record, missing[0]); });
    }
    earlier_ = Earlier{*identity, std::move(missing)};
  }

  static bool overlap(const Record& record, const ByteRange& range) {
    return record.range.begin < range.end && range.begin < record.range.end;
  }

  /// The ranges of the journal that the file has.
  std::vector<ByteRange> verified(const Present& present) {
    std::vector<ByteRange> there;
    const int file = ::open(partial_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return there;
    std::vector<std::byte> bytes;
    std::int64_t at = 0;
    std::stable_sort(records_.begin(), records_.end(), [](const Record& a, const Record& b) {
      return a.range.begin < b.range.begin;
    });
    for (const Record& record : records_) {
      if (record.range.begin < at) continue;  // written again, since it was wrong once
      bytes.resize(static_cast<std::size_t>(record.range.size()));
      if (!read_all(file, record.range.begin, bytes) || crc_of(bytes) != record.crc) continue;
      there.push_back(record.range);
      at = record.range.end;
      present(record.range.begin, bytes);
    }
    ::close(file);
    return there;
  }

  static bool read_all(int file, std::int64_t offset, std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::pread(file, bytes.data(), bytes.size(), offset);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      offset += n;
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return true;
  }

  const std::filesystem::path partial_, journal_;
  const std::string shown_;
  std::unique_ptr<Sink> file_;
  int fd_ = -1;  ///< of the journal.
  std::optional<Earlier> earlier_;
  std::vector<Record> records_;
  /// Bytes are there that a later download may take up. Written by one writer or several.
  std::atomic<bool> is_worth_keeping_{false};
  bool is_forgotten_ = false;
};

}  // namespace

std::unique_ptr<PartialFile> make_partial_file(const std::filesystem::path& path,
                                               FileSinkOptions options) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return nullptr;
  return std::make_unique<Partial>(path, std::move(options));
}

}  // namespace skipjack::s3
