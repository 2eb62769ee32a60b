// Addresses of hosts, looked up on threads of their own since the system's resolver blocks.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "skipjack/base/clock.h"

namespace skipjack::s3 {

struct SocketAddress {
  ::sockaddr_storage bytes{};
  ::socklen_t size = 0;
};

/// Not thread-safe. Answers are kept for a minute.
class Resolver {
 public:
  /// wake: an eventfd that is written to when a lookup has ended.
  /// instead: addresses that every host is taken to have; empty: names are looked up.
  explicit Resolver(int wake, std::vector<std::string> instead = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// From now on, as in the constructor.
  void use_instead(std::vector<std::string> addresses);

  struct Answer {
    bool is_known = false;
    /// Empty if there is none; then error says why.
    std::vector<SocketAddress> addresses;
    std::string error;
  };
  /// What is known by now; the first call for a host begins a lookup. Numeric addresses are known
  /// at once.
  Answer find(const std::string& host, std::uint16_t port, Duration now);

 private:
  struct Lookup;
  struct Entry {
    std::shared_ptr<Lookup> lookup;
    Duration asked{0};
  };
  int wake_;
  std::vector<std::string> instead_;
  std::map<std::pair<std::string, std::uint16_t>, Entry> entries_;
};

}  // namespace skipjack::s3
