#include "skipjack/s3tune/download_scratch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <span>
#include <system_error>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/base/descriptor.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/crc.h"

namespace skipjack::s3tune {
namespace {

namespace fs = std::filesystem;

std::uint64_t crc_of_file(const fs::path& path, std::uint64_t crc) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) throw errno_error(errno, "cannot open " + path.string());
  std::vector<std::byte> buffer(kMiB);
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw errno_error(errno, "cannot read " + path.string());
    if (count == 0) return crc;
    crc = s3::crc_update(s3::CrcKind::Crc32, crc,
                         std::span(buffer).first(static_cast<std::size_t>(count)));
  }
}

/// Names below the folder, sorted by their bytes.
std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  auto entries = fs::recursive_directory_iterator(folder, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error))
    if (entries->is_regular_file(error) && !error)
      names.push_back(entries->path().lexically_relative(folder).generic_string());
  if (error) throw errno_error(error.value(), "cannot list the folder " + folder.string());
  std::sort(names.begin(), names.end());
  return names;
}

std::int64_t size_of(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) throw errno_error(error.value(), "cannot look at " + path.string());
  return static_cast<std::int64_t>(size);
}

}  // namespace

DownloadScratch::DownloadScratch(const fs::path& parent) {
  std::string pattern = (parent / ".skipjack-measure-XXXXXX").string();
  if (!::mkdtemp(pattern.data()))
    throw errno_error(errno, "cannot make a folder in " + parent.string());
  path_ = pattern;
}

DownloadScratch::~DownloadScratch() {
  std::error_code ignored;  // nothing can be done about it here
  fs::remove_all(path_, ignored);
}

void flush_file_system(const fs::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) throw errno_error(errno, "cannot open " + folder.string());
  if (::syncfs(descriptor.get()) != 0)
    throw errno_error(errno, "cannot flush the file system of " + folder.string());
}

Content content_of(const fs::path& path, Digest digest) {
  Content content;
  std::uint64_t crc = 0;
  const auto take = [&](const fs::path& file) {
    content.bytes += size_of(file);
    ++content.num_files;
    if (digest == Digest::Crc32) crc = crc_of_file(file, crc);
  };
  std::error_code error;
  if (fs::is_directory(path, error)) {
    for (const std::string& name : files_below(path)) {
      // With the NUL at its end.
      crc = s3::crc_update(s3::CrcKind::Crc32, crc,
                           std::as_bytes(std::span(name.c_str(), name.size() + 1)));
      take(path / name);
    }
  } else {
    take(path);
  }
  if (digest == Digest::Crc32) {
    char text[32];
    std::snprintf(text, sizeof text, "crc32-%08llx", static_cast<unsigned long long>(crc));
    content.digest = text;
  }
  return content;
}

}  // namespace skipjack::s3tune
