// A fluid simulation: between two events (a first byte, an end of a part) every sending connection
// flows at its fair share. The same draws and the same shares as the server's.
#include "skipjack/s3sim/twin.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "skipjack/base/error.h"
#include "skipjack/s3sim/draws.h"

namespace skipjack::s3sim {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
/// Rounding: a part with less than this many bytes left has arrived.
constexpr double kByteFraction = 1e-3;
/// The drift is held for at most so long between events.
constexpr double kDriftStep = 0.1;

struct Worker {
  std::uint64_t connection = 0;
  std::uint64_t next_request = 0;
  double first_byte_at = kNever;  ///< Waiting until then; kNever when sending or idle.
  double bytes_left = 0;          ///< > 0 while a part is on its way.
  double limit = 0;
};

class Download {
 public:
  Download(const Profile& profile, const TwinOptions& options)
      : profile_(profile), options_(options) {
    num_parts_ = options.size < options.part_size
                     ? 1
                     : (options.size + options.part_size - 1) / options.part_size;
  }

  double run() {
    const auto num_workers =
        static_cast<std::size_t>(std::min<std::int64_t>(options_.concurrency, num_parts_));
    workers_.resize(num_workers);
    for (std::size_t i = 0; i < num_workers; ++i)
      workers_[i].connection = options_.first_connection + i;
    // The HEAD goes over the first connection, which the first part then reuses.
    now_ = draw(workers_[0]).first_byte_seconds;
    for (Worker& worker : workers_) begin_part(worker);
    while (step()) {
    }
    return now_;
  }

 private:
  ResponseDraw draw(Worker& worker) const {
    return draw_response(profile_, options_.seed, {worker.connection, worker.next_request++});
  }

  void begin_part(Worker& worker) {
    if (next_part_ >= num_parts_) return;
    const std::int64_t begin = next_part_++ * options_.part_size;
    const ResponseDraw fate = draw(worker);
    worker.first_byte_at = now_ + fate.first_byte_seconds;
    worker.bytes_left = static_cast<double>(std::min(options_.size - begin, options_.part_size));
    worker.limit = fate.bytes_per_second;
  }

  /// Runs to the next event. False when nothing is on its way any more.
  bool step() {
    const double drift = drift_factor(profile_, options_.seed, options_.start_seconds + now_);
    senders_.clear();
    limits_.clear();
    double next = profile_.drift_amplitude > 0 ? now_ + kDriftStep : kNever;
    bool busy = false;
    for (Worker& worker : workers_) {
      if (worker.first_byte_at != kNever) {
        next = std::min(next, worker.first_byte_at);
        busy = true;
      } else if (worker.bytes_left > 0) {
        senders_.push_back(&worker);
        limits_.push_back(worker.limit * drift);
        busy = true;
      }
    }
    if (!busy) return false;
    const double link =
        profile_.link_bytes_per_second > 0 ? profile_.link_bytes_per_second * drift : kNever;
    const std::vector<double> shares = fair_shares(limits_, link);
    for (std::size_t i = 0; i < senders_.size(); ++i)
      next = std::min(next, now_ + senders_[i]->bytes_left / shares[i]);
    const double elapsed = next - now_;
    now_ = next;
    for (std::size_t i = 0; i < senders_.size(); ++i) {
      Worker& worker = *senders_[i];
      const double sent = shares[i] == kNever ? worker.bytes_left : shares[i] * elapsed;
      worker.bytes_left -= sent;
      arrived_ += sent;
      if (worker.bytes_left > kByteFraction) continue;
      worker.bytes_left = 0;
      begin_part(worker);
    }
    for (Worker& worker : workers_) {
      if (worker.first_byte_at > now_) continue;
      worker.first_byte_at = kNever;
      if (worker.bytes_left <= 0) begin_part(worker);
    }
    if (options_.on_progress) options_.on_progress(now_, arrived_);
    return true;
  }

  const Profile& profile_;
  const TwinOptions options_;
  std::int64_t num_parts_ = 0;
  std::int64_t next_part_ = 0;
  double arrived_ = 0;
  double now_ = 0;
  std::vector<Worker> workers_;
  std::vector<Worker*> senders_;
  std::vector<double> limits_;
};

}  // namespace

double ideal_seconds(const Profile& profile, std::int64_t size) {
  if (size < 0)
    throw Error(ErrorCode::InvalidArgument,
                "object size = " + std::to_string(size) + " must be >= 0");
  const double first_byte =
      std::max(profile.first_byte_floor_seconds, profile.first_byte_median_seconds);
  const double transfer = profile.link_bytes_per_second > 0
                              ? static_cast<double>(size) / profile.link_bytes_per_second
                              : 0;
  return profile.connect_seconds + first_byte + transfer;
}

double simulate_download(const Profile& profile, const TwinOptions& options) {
  const auto require = [](std::int64_t value, std::int64_t bound, const char* name) {
    if (value < bound)
      throw Error(ErrorCode::InvalidArgument, std::string(name) + " = " + std::to_string(value) +
                                                  " must be >= " + std::to_string(bound));
  };
  require(options.size, 0, "size");
  require(options.concurrency, 1, "concurrency");
  require(options.part_size, 1, "part_size");
  validate(profile);
  return Download(profile, options).run();
}

}  // namespace skipjack::s3sim
