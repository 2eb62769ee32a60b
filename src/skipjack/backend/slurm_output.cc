#include "skipjack/backend/slurm_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "skipjack/backend/supervisor_process.h"
#include "skipjack/base/utf8.h"

namespace skipjack {
namespace {

/// Of one look at one attempt, so that a chatty program doesn't hold up the others.
constexpr std::size_t kMostBytes = std::size_t{4} << 20;
/// Two short lines.
constexpr std::size_t kMostState = 4096;
constexpr std::int64_t kTailBytes = 2048;

/// Appends what a file has from offset on, at most so many bytes. A file that can't be read now (a
/// server away, a stale handle) may be at the next look.
std::string read_from(const std::filesystem::path& path, std::int64_t offset, std::size_t most) {
  std::string bytes;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char buffer[65536];
  while (file.get() >= 0 && bytes.size() < most) {
    const ssize_t n = ::pread(file.get(), buffer, std::min(sizeof buffer, most - bytes.size()),
                              static_cast<off_t>(offset + static_cast<std::int64_t>(bytes.size())));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    bytes.append(buffer, static_cast<std::size_t>(n));
  }
  return bytes;
}

}  // namespace

std::vector<Json> AttemptOutput::look(Time now, const LookInterval& interval) {
  bool news = false;
  if (!state_.end) {
    const bool had_begun = state_.began;
    state_ = parse_state(read_from(files_.state, 0, kMostState));
    news = state_.began != had_begun;
  }
  std::vector<Json> reports;
  if (state_.began) {
    const std::string bytes = read_from(files_.output, offset_, kMostBytes);
    offset_ += static_cast<std::int64_t>(bytes.size());
    reports = decoder_.feed(bytes);
    news = news || !bytes.empty();
  }
  if (is_complete()) decoder_.finish();
  pause_ = news ? interval.shortest
                : std::clamp(pause_ + pause_ / 2, interval.shortest, interval.longest);
  next_look_ = now + pause_;
  return reports;
}

std::string last_lines(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  const std::int64_t begin = std::max<std::int64_t>(0, status.st_size - kTailBytes);
  const std::string tail = read_from(path, begin, kTailBytes);
  const std::size_t newline = begin > 0 ? tail.find('\n') : std::string::npos;
  return valid_utf8(std::string_view(tail).substr(newline == std::string::npos ? 0 : newline + 1));
}

}  // namespace skipjack
