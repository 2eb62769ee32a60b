#include "skipjack/s3/resolver.h"

#include <netdb.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <utility>

namespace skipjack::s3 {
namespace {

constexpr Duration kKept = std::chrono::seconds(60);

Resolver::Answer look_up(const std::string& host, std::uint16_t port, int flags) {
  Resolver::Answer answer;
  ::addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  ::addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  answer.is_known = true;
  if (code != 0) {
    answer.error = "can't find the address of " + host + ": " + ::gai_strerror(code);
    return answer;
  }
  for (const ::addrinfo* at = found; at != nullptr; at = at->ai_next) {
    SocketAddress& address = answer.addresses.emplace_back();
    address.size = at->ai_addrlen;
    std::memcpy(&address.bytes, at->ai_addr, at->ai_addrlen);
  }
  ::freeaddrinfo(found);
  return answer;
}

}  // namespace

/// Shared with the thread that looks it up, which may outlive the resolver.
struct Resolver::Lookup {
  std::mutex mutex;
  Answer answer;
  /// A duplicate, so that the transport may be gone.
  int wake = -1;
  ~Lookup() {
    if (wake >= 0) ::close(wake);
  }
};

Resolver::Resolver(int wake, std::vector<std::string> instead)
    : wake_(wake), instead_(std::move(instead)) {}
Resolver::~Resolver() = default;

void Resolver::use_instead(std::vector<std::string> addresses) {
  if (addresses == instead_) return;
  instead_ = std::move(addresses);
  entries_.clear();
}

Resolver::Answer Resolver::find(const std::string& host, std::uint16_t port, Duration now) {
  Entry& entry = entries_[{host, port}];
  if (entry.lookup && now - entry.asked <= kKept) {
    const std::lock_guard lock(entry.lookup->mutex);
    Answer told = entry.lookup->answer;
    // A failure is told once: who asks again, asks anew.
    if (told.is_known && told.addresses.empty()) entry.asked = now - 2 * kKept;
    return told;
  }
  Answer numeric;
  if (instead_.empty()) numeric = look_up(host, port, AI_NUMERICHOST);
  for (const std::string& address : instead_)
    for (const SocketAddress& known : look_up(address, port, AI_NUMERICHOST).addresses)
      numeric.addresses.push_back(known);
  numeric.is_known = true;
  entry.lookup = std::make_shared<Lookup>();
  entry.asked = now;
  if (!numeric.addresses.empty()) {
    entry.lookup->answer = std::move(numeric);
    return entry.lookup->answer;
  }
  entry.lookup->wake = ::dup(wake_);
  std::thread([lookup = entry.lookup, host, port] {
    Answer answer = look_up(host, port, AI_ADDRCONFIG);
    const std::lock_guard lock(lookup->mutex);
    lookup->answer = std::move(answer);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(lookup->wake, &one, sizeof one);
  }).detach();
  return {};
}

}  // namespace skipjack::s3
