// The seam between the engine and where the bytes go. Parts arrive in any order, each at its
// offset. A file has no name until its last byte is there (open(2), O_TMPFILE), so that nobody
// ever sees half an object and a killed process leaves nothing; where the file system has no such
// files, it has an unpredictable temporary name beside the target. That is safe against a killed
// process; against power loss only a durable one is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "skipjack/s3/transfer_config.h"

namespace skipjack::s3 {

/// How a sink takes bytes.
enum class Delivery {
  Written,  ///< by write(), possibly from another thread.
  InPlace,  ///< received straight into memory().
  Dropped,  ///< not at all.
};

/// Bytes that a sink takes at a time: those in [next, end). One that needs the bytes in order has
/// consumed those before next.
struct Room {
  std::int64_t next = 0;
  std::int64_t end = INT64_MAX;
};

struct WriteHints {
  /// Offsets, lengths and addresses that are multiples of this; 1: any.
  std::int64_t alignment = 1;
  /// Threads at the same time.
  int num_writers = 1;
  /// Unless -1: whole blocks of alignment bytes may be written through this descriptor, too, by
  /// others than write(). What fails or falls short there is for write(), all of it.
  int direct_file = -1;
  /// write() runs code of the transfer's caller, which must not run once the transfer has ended.
  bool calls_back = false;
  /// sync() has something to do, which takes as long as the disk takes.
  bool is_durable = false;
};

/// open, then writes, then sync and finish, or abandon. Destruction without finish abandons.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Delivery delivery() const = 0;
  /// Once, when the size is known. Throws Error (Io when there is no room).
  virtual void open(std::int64_t size) = 0;
  /// How writes cost least; after open().
  virtual WriteHints hints() const { return {}; }
  /// Ranges of different calls are disjoint, inside [0, size). hints().num_writers threads at a
  /// time at most. Throws Error.
  virtual void write(std::int64_t offset, std::span<const std::byte> bytes) = 0;
  /// Where bytes may come now. Thread-safe.
  virtual Room room() const { return {}; }
  /// The object's bytes, for InPlace, after open().
  virtual std::byte* memory() { return nullptr; }
  /// All bytes are there: brings them onto the disk, if the sink is a durable one. Any thread.
  /// Throws Error.
  virtual void sync() {}
  /// All bytes are there: makes the result visible under its name, after sync(). Throws Error.
  virtual void finish() = 0;
  /// Removes what there is. May be called at any time, repeatedly.
  virtual void abandon() noexcept = 0;
};

/// What a file is until it is finished.
enum class UnfinishedFile {
  Nameless,  ///< without a name where the file system can do that, else Named.
  Named,     ///< under an unpredictable temporary name.
};
struct FileSinkOptions {
  UnfinishedFile unfinished = UnfinishedFile::Nameless;
  /// Direct throws Unsupported at open() where the file system can't.
  WriteMode write_mode = WriteMode::Auto;
  /// After sync() and finish() the file and its name are on the disk (fsync(2)).
  bool is_durable = false;
  /// Unless empty: the unfinished file's name beside the target. It is taken up if it is there, and
  /// abandon() leaves it.
  std::filesystem::path kept_name{};
  /// What messages call the file; empty: its path.
  std::string shown{};
};
/// Creates the file at once, so that a folder that can't be written to is known before
/// the first byte is fetched. Throws Error: NotFound (no such folder), PermissionDenied, Io,
/// InvalidArgument (target is a folder), Unsupported (FIFO, socket, block device).
std::unique_ptr<Sink> make_file_sink(const std::filesystem::path& path,
                                     const FileSinkOptions& options = {});

struct MemoryObject;
/// Fills object, which must outlive the sink; it is emptied by abandon().
std::unique_ptr<Sink> make_memory_sink(MemoryObject& object);
std::unique_ptr<Sink> make_discard_sink();

}  // namespace skipjack::s3
