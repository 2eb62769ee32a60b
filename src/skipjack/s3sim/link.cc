// See link.h.
#include "skipjack/s3sim/link.h"

#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "skipjack/base/error.h"
#include "skipjack/s3sim/draws.h"

namespace skipjack::s3sim {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();
/// Shares are worked out at most so often: with hundreds of small parts a second and hundreds of
/// senders, setting each rate at each change would cost more than sending.
constexpr Duration kUpdateInterval = std::chrono::milliseconds(2);
constexpr Duration kDriftInterval = std::chrono::milliseconds(100);
/// A rate that moves by less is left as it is; so much the sum may exceed the link.
constexpr double kTolerance = 0.01;

void set_pace(Sender& sender, double rate) {
  if (sender.paced_at > 0 && std::abs(rate - sender.paced_at) <= kTolerance * sender.paced_at)
    return;
  if (rate == sender.paced_at) return;
  const std::uint64_t value =
      rate == kUnlimited ? ~std::uint64_t{0} : static_cast<std::uint64_t>(std::max(rate, 1.0));
  // The only failures are a bad descriptor or length, which would be bugs of ours.
  SKIPJACK_CHECK(::setsockopt(sender.fd, SOL_SOCKET, SO_MAX_PACING_RATE, &value, sizeof value) ==
                 0);
  sender.paced_at = rate;
}

}  // namespace

Link::Link(const Profile& profile, std::uint64_t seed, Duration start)
    : profile_(profile),
      seed_(seed),
      start_(start),
      limited_(profile.link_bytes_per_second > 0 || profile.connection_bytes_per_second > 0 ||
               profile.slow_odds > 0) {}

double Link::link_rate(double drift) const {
  return profile_.link_bytes_per_second > 0 ? profile_.link_bytes_per_second * drift : kUnlimited;
}

void Link::join(Sender& sender, Duration now) {
  if (!limited_) return;
  SKIPJACK_CHECK(sender.index < 0);
  sender.index = static_cast<std::int64_t>(senders_.size());
  senders_.push_back(&sender);
  changed_ = true;
  // Until the next update: what it would get if all were alike.
  const double drift = drift_factor(profile_, seed_, to_seconds(now - start_));
  set_pace(sender,
           std::min(sender.limit * drift, link_rate(drift) / static_cast<double>(senders_.size())));
}

void Link::leave(Sender& sender) {
  if (sender.index < 0) return;
  const auto index = static_cast<std::size_t>(sender.index);
  senders_[index] = senders_.back();
  senders_[index]->index = sender.index;
  senders_.pop_back();
  sender.index = -1;
  changed_ = true;
}

Duration Link::due() const {
  if (senders_.empty()) return Duration::max();
  if (changed_) return last_update_ + kUpdateInterval;
  return profile_.drift_amplitude > 0 ? last_update_ + kDriftInterval : Duration::max();
}

void Link::update(Duration now) {
  if (now < due()) return;
  last_update_ = now;
  changed_ = false;
  const double drift = drift_factor(profile_, seed_, to_seconds(now - start_));
  limits_.clear();
  for (const Sender* sender : senders_) limits_.push_back(sender->limit * drift);
  const std::vector<double> shares = fair_shares(limits_, link_rate(drift));
  for (std::size_t i = 0; i < senders_.size(); ++i) set_pace(*senders_[i], shares[i]);
}

}  // namespace skipjack::s3sim
