#include "skipjack/s3/address_book.h"

#include <algorithm>

#include "skipjack/base/bytes.h"

namespace skipjack::s3 {
namespace {

/// As long as an answer of the resolver is kept, in which S3's names have moved on.
constexpr Duration kRetirement = std::chrono::seconds(60);
/// Addresses whose connections bring less than this share of the best one's are slow: the rates of
/// S3's connections are within a factor of two of each other [Durner2023, sec. 2].
constexpr double kSlowShare = 0.25;
constexpr std::int64_t kShortestBody = kMiB;
/// Bodies before an address is judged, and the weight of each in the running mean.
constexpr int kFewestBodies = 4;
constexpr double kWeight = 0.25;
/// Beyond, what is known of addresses that names no longer have is forgotten.
constexpr std::size_t kMostEntries = 1000;

}  // namespace

std::string AddressBook::key_of(const SocketAddress& address) {
  return {reinterpret_cast<const char*>(&address.bytes), address.size};
}

const SocketAddress* AddressBook::next(const std::vector<SocketAddress>& addresses,
                                       const std::vector<SocketAddress>& tried, Duration now) {
  const auto was_tried = [&](const SocketAddress& address) {
    return std::any_of(tried.begin(), tried.end(), [&](const SocketAddress& other) {
      return key_of(other) == key_of(address);
    });
  };
  const SocketAddress* last_resort = nullptr;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const SocketAddress& address = addresses[(turn_ + i) % addresses.size()];
    if (was_tried(address)) continue;
    if (is_retired(address, now)) {
      if (last_resort == nullptr) last_resort = &address;
      continue;
    }
    turn_ += i + 1;
    return &address;
  }
  return last_resort;
}

void AddressBook::failed(const SocketAddress& address, Duration now) {
  if (entries_.size() >= kMostEntries) entries_.clear();
  entries_[key_of(address)] = {.retired_until = now + kRetirement};
}

void AddressBook::took(const SocketAddress& address, std::int64_t bytes, Duration seconds,
                       Duration now) {
  if (bytes < kShortestBody || seconds <= Duration(0)) return;
  if (entries_.size() >= kMostEntries) entries_.clear();
  Entry& entry = entries_[key_of(address)];
  const double rate = static_cast<double>(bytes) / to_seconds(seconds);
  entry.bytes_per_second += (entry.num_bodies == 0 ? 1 : kWeight) * (rate - entry.bytes_per_second);
  if (++entry.num_bodies < kFewestBodies) return;
  double best = 0;
  for (const auto& [key, other] : entries_)
    if (other.num_bodies >= kFewestBodies) best = std::max(best, other.bytes_per_second);
  if (entry.bytes_per_second < kSlowShare * best) entry = {.retired_until = now + kRetirement};
}

bool AddressBook::is_retired(const SocketAddress& address, Duration now) const {
  const auto found = entries_.find(key_of(address));
  return found != entries_.end() && now < found->second.retired_until;
}

}  // namespace skipjack::s3
