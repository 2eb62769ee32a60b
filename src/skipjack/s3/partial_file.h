// A file that a killed download leaves behind and a later one goes on with: the bytes under a name
// of their own beside the target, and a journal of the ranges that were written, each with its CRC.
// A range is written before the journal says so, and what the journal says is checked against the
// file before it is believed, so neither a torn journal nor a power cut can bring wrong bytes. Both
// go when the file is complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "skipjack/s3/plan.h"
#include "skipjack/s3/sink.h"

namespace skipjack::s3 {

/// Which bytes a file is to have. Two with an empty ETag are never the same.
struct ObjectIdentity {
  /// Endpoint, bucket, key, and where in the object it begins.
  std::string name{};
  std::string etag{};
  std::string version_id{};
  std::int64_t size = 0;
};

class PartialFile : public Sink {
 public:
  struct Earlier {
    ObjectIdentity identity;
    /// What the journal does not claim, not empty: of a file that lacks nothing, its last range,
    /// so that there is a reason to ask for the object again. Not verified yet.
    std::vector<ByteRange> missing;
  };
  /// What an earlier download has left; nullopt if that is nothing.
  virtual const std::optional<Earlier>& earlier() const = 0;

  /// A range that is there and verified, in bytes of the file.
  using Present = std::function<void(std::int64_t offset, std::span<const std::byte> bytes)>;
  /// Once, before open(): takes up what is there of this object, and forgets what is of another.
  /// Returns the ranges that are missing, in order: at least those of earlier(), for the same
  /// object. Reads what is there.
  virtual std::vector<ByteRange> take_up(const ObjectIdentity& identity,
                                         const Present& present) = 0;
  /// What is there is not to be believed: nothing of it will be taken up.
  virtual void forget() noexcept = 0;
};

/// options: without kept_name. nullptr if the target is no file (a device). Otherwise throws as
/// make_file_sink() does, and AlreadyExists while another download to this file runs.
std::unique_ptr<PartialFile> make_partial_file(const std::filesystem::path& path,
                                               FileSinkOptions options = {});

}  // namespace skipjack::s3
