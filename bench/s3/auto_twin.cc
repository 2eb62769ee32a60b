// How near the self-tuning default comes to the best fixed setting, on every built-in profile of
// the simulated server, in virtual time: the engine's own decisions (flight_control.h,
// part_queue.h, hedge.h, retry.h) against the server's own draws and shares (s3sim/draws.h),
// without sockets and without CPU. The same loop runs the fixed settings, so only the decisions
// differ.
//   auto_twin [--size BYTES] [--seeds N] [--learned]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "skipjack/base/bytes.h"
#include "skipjack/base/rng.h"
#include "skipjack/s3/flight_control.h"
#include "skipjack/s3/hedge.h"
#include "skipjack/s3/part_queue.h"
#include "skipjack/s3/plan.h"
#include "skipjack/s3/retry.h"
#include "skipjack/s3sim/draws.h"

namespace skipjack {
namespace {

constexpr double kStep = 1e-3;
constexpr double kStallTimeout = 5;

struct Lane {
  std::uint64_t connection = 0, request = 0;
  s3::Part* part = nullptr;
  std::int64_t at = 0, body = 0;
  double began = 0, first_byte_at = 0, body_began = 0, last_byte = 0, limit = 0, fraction_left = 0;
  std::int64_t fault_at = -1;
  std::optional<s3sim::Fault> fault;
  bool has_begun = false, leads = false;
};

struct Outcome {
  double seconds = 0;
  s3::Experience experience;
  std::int64_t most_in_flight = 0;
};

class Run {
 public:
  Run(const s3sim::Profile& profile, std::uint64_t seed, std::int64_t size,
      const s3::FlightOptions& options)
      : profile_(profile), seed_(seed), size_(size), flight_(options), rng_(seed, "twin") {}

  Outcome run(std::int64_t first_part) {
    start(queue_.add({0, std::min(first_part, size_)}));
    bool is_known = false;
    while (!(is_known && queue_.is_done())) {
      now_ += kStep;
      flow();
      if (!is_known && lanes_.front().has_begun) {
        is_known = true;
        if (first_part < size_) queue_.set_missing({{first_part, size_}});
      }
      if (is_known)
        start_all();
      else if (busy() == 0)
        try_first_again();
    }
    return {now_, flight_.experience(), most_};
  }

 private:
  Duration clock() const { return from_seconds(now_); }

  std::int64_t busy() const {
    return std::count_if(lanes_.begin(), lanes_.end(),
                         [](const Lane& lane) { return lane.part != nullptr; });
  }

  bool may_start() const {
    const std::int64_t waiting = std::count_if(lanes_.begin(), lanes_.end(), [](const Lane& lane) {
      return lane.part != nullptr && !lane.has_begun;
    });
    return flight_.may_start({.waiting = waiting, .receiving = busy() - waiting});
  }

  void start(s3::Part& part) {
    Lane* lane = nullptr;
    for (Lane& idle : lanes_)
      if (idle.part == nullptr) lane = &idle;
    if (lane == nullptr) {
      lane = &lanes_.emplace_back();
      lane->connection = next_connection_++;
    }
    const s3sim::ResponseDraw draw =
        s3sim::draw_response(profile_, seed_, {lane->connection, lane->request++});
    ++part.attempts;
    lane->part = &part;
    lane->at = part.frontier();
    lane->body = 0;
    lane->began = lane->last_byte = now_;
    lane->first_byte_at = now_ + draw.first_byte_seconds;
    lane->limit = draw.bytes_per_second;
    lane->fraction_left = 0;
    lane->fault = draw.fault;
    lane->fault_at = lane->at + static_cast<std::int64_t>(draw.fault_fraction *
                                                          static_cast<double>(part.left()));
    lane->has_begun = lane->leads = false;
    most_ = std::max(most_, busy());
  }

  void try_first_again() {
    if (s3::Part* part = queue_.take(1, clock(), {})) start(*part);
  }

  void start_all() {
    while (may_start()) {
      s3::Part* part = queue_.take(flight_.part_size(size_ - received_), clock(), {});
      if (part == nullptr) break;
      if (part->attempts == 0) flight_.began_part();
      start(*part);
    }
    while (queue_.missing_bytes() == 0 && may_start()) {
      std::vector<s3::LoneRequest> requests;
      std::vector<s3::Part*> parts;
      for (const Lane& lane : lanes_) {
        if (lane.part == nullptr || companion(lane) != nullptr) continue;
        const double seconds = now_ - lane.body_began;
        requests.push_back({.bytes_left = lane.part->left(),
                            .silent_seconds = now_ - lane.last_byte,
                            .bytes_per_second = lane.has_begun && seconds > 0
                                                    ? static_cast<double>(lane.body) / seconds
                                                    : 0});
        parts.push_back(lane.part);
      }
      const auto late =
          s3::choose_late_request(requests, flight_.experience(), flight_.patience_seconds());
      if (!late) break;
      start(*parts[*late]);
    }
  }

  Lane* companion(const Lane& lane) {
    for (Lane& other : lanes_)
      if (&other != &lane && other.part == lane.part) return &other;
    return nullptr;
  }

  /// Its connection is lost.
  void drop(Lane& lane) {
    lane.part = nullptr;
    lane.connection = next_connection_++;
    lane.request = 0;
  }

  void fail(Lane& lane, double base) {
    s3::Part& part = *lane.part;
    const bool has_companion = companion(lane) != nullptr;
    if (has_companion) return drop(lane);
    const double doublings = static_cast<double>(std::min<std::int64_t>(part.attempts - 1, 6));
    queue_.put_back(part, clock() + from_seconds(rng_.uniform() * base * std::exp2(doublings)));
    drop(lane);
  }

  void answer(Lane& lane) {
    if (lane.fault == s3sim::Fault::SlowDown || lane.fault == s3sim::Fault::InternalError) {
      if (lane.fault == s3sim::Fault::SlowDown) flight_.throttled();
      const std::uint64_t connection = lane.connection, request = lane.request;
      fail(lane, lane.fault == s3sim::Fault::SlowDown ? 0.5 : 0.05);
      lane.connection = connection;
      lane.request = request;
      return;
    }
    lane.has_begun = true;
    lane.body_began = lane.last_byte = now_;
    flight_.answered(now_ - lane.began);
  }

  bool is_stalled(const Lane& lane) const {
    return lane.fault == s3sim::Fault::Stall && lane.at >= lane.fault_at &&
           now_ - lane.last_byte < profile_.stall_seconds;
  }

  void flow() {
    std::vector<Lane*> senders;
    std::vector<double> limits;
    const double drift = s3sim::drift_factor(profile_, seed_, now_);
    for (Lane& lane : lanes_) {
      if (lane.part == nullptr) continue;
      if (!lane.has_begun && now_ >= lane.first_byte_at) answer(lane);
      if (lane.part == nullptr || !lane.has_begun) continue;
      if (is_stalled(lane)) {
        if (now_ - lane.last_byte > kStallTimeout) fail(lane, 0.05);
        continue;
      }
      senders.push_back(&lane);
      limits.push_back(lane.limit * drift);
    }
    const double link =
        profile_.link_bytes_per_second > 0 ? profile_.link_bytes_per_second * drift : 1e12;
    const std::vector<double> shares = s3sim::fair_shares(limits, link);
    for (std::size_t i = 0; i < senders.size(); ++i)
      if (senders[i]->part != nullptr) receive(*senders[i], shares[i] * kStep);
  }

  void receive(Lane& lane, double amount) {
    s3::Part& part = *lane.part;
    lane.fraction_left += amount;
    std::int64_t bytes =
        std::min(static_cast<std::int64_t>(lane.fraction_left), part.range.end - lane.at);
    lane.fraction_left -= static_cast<double>(bytes);
    const bool breaks = lane.fault && lane.at <= lane.fault_at && lane.at + bytes > lane.fault_at;
    if (breaks) bytes = lane.fault_at - lane.at;
    lane.at += bytes;
    lane.body += bytes;
    if (bytes > 0) lane.last_byte = now_;
    if (lane.at > part.frontier()) {
      received_ += lane.at - part.frontier();
      part.received = lane.at - part.range.begin;
      part.attempts = 1;
      if (const std::int64_t missing = queue_.missing_bytes(); missing > 0)
        flight_.took({.bytes = bytes, .missing_bytes = missing}, clock());
      // The one that has caught up is the faster one.
      if (Lane* other = companion(lane); other != nullptr && !lane.leads) drop(*other);
      lane.leads = true;
    }
    if (breaks && lane.fault == s3sim::Fault::Stall) {
      lane.at = lane.fault_at;
      return;
    }
    if (breaks) return fail(lane, 0.05);
    if (part.left() > 0) return;
    flight_.succeeded(lane.body, now_ - lane.body_began);
    if (Lane* other = companion(lane)) drop(*other);
    lane.part = nullptr;
    queue_.finish(part);
  }

  const s3sim::Profile& profile_;
  const std::uint64_t seed_;
  const std::int64_t size_;
  s3::FlightControl flight_;
  Rng rng_;
  s3::PartQueue queue_;
  std::deque<Lane> lanes_;
  std::uint64_t next_connection_ = 0;
  double now_ = 0;
  std::int64_t most_ = 0, received_ = 0;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int compare(std::int64_t size, int seeds, bool learned) {
  std::printf("%-18s %9s %9s %6s  %-14s %s\n", "profile", "auto s", "best s", "ratio", "best",
              "requests");
  for (const s3sim::Profile& profile : s3sim::builtin_profiles()) {
    if (profile.link_bytes_per_second == 0) continue;
    std::vector<double> own;
    std::int64_t most = 0;
    for (int i = 0; i < seeds; ++i) {
      s3::FlightOptions options;
      const auto seed = static_cast<std::uint64_t>(i + 1);
      if (learned)
        options.experience =
            Run(profile, seed + 1000, size, options).run(s3::first_range({}).end).experience;
      const Outcome outcome = Run(profile, seed, size, options).run(s3::first_range({}).end);
      own.push_back(outcome.seconds);
      most = std::max(most, outcome.most_in_flight);
    }
    double best = 1e9;
    std::string name;
    for (const std::int64_t number : {8, 16, 32, 64, 128})
      for (const std::int64_t part : {1, 4, 8, 16, 64}) {
        std::vector<double> times;
        for (int i = 0; i < seeds; ++i)
          times.push_back(Run(profile, static_cast<std::uint64_t>(i + 1), size,
                              {.requests = number,
                               .number = s3::FlightOptions::Number::Given,
                               .part_size = part * kMiB})
                              .run(part * kMiB)
                              .seconds);
        if (median(times) < best) {
          best = median(times);
          name = std::to_string(number) + " x " + std::to_string(part) + " MiB";
        }
      }
    std::printf("%-18s %9.3f %9.3f %6.3f  %-14s %lld\n", profile.name.c_str(), median(own), best,
                best / median(own), name.c_str(), static_cast<long long>(most));
  }
  return 0;
}

}  // namespace
}  // namespace skipjack

int main(int argc, char** argv) {
  std::int64_t size = skipjack::kGiB;
  int seeds = 5;
  bool learned = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--learned") == 0) learned = true;
    if (std::strcmp(argv[i], "--size") == 0 && i + 1 < argc)
      size = skipjack::parse_byte_size(argv[++i]);
    if (std::strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) seeds = std::atoi(argv[++i]);
  }
  return skipjack::compare(size, seeds, learned);
}
