// Who asks: keys, and whoever provides them. Keys that end are fetched anew before they do, on a
// thread of its own, so that no transfer waits for it. Where keys come from is in
// credentials_chain.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "skipjack/base/clock.h"
#include "skipjack/base/log.h"
#include "skipjack/base/rng.h"

namespace skipjack::s3 {

/// A text that no stream or message shows by accident: the only way to it is reveal().
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string value_;
};

/// Empty access_key_id: requests go out unsigned.
struct Credentials {
  std::string access_key_id{};
  Secret secret_access_key{};
  Secret session_token{};  ///< empty if there is none.
  /// Unix time in seconds from which they are no longer good; nullopt: good for ever.
  std::optional<std::int64_t> expires{};

  bool anonymous() const { return access_key_id.empty(); }
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// Thread-safe.
class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  /// Keys to sign with now. Waits only while there are none that are good. Throws what fetching
  /// them threw, and Cancelled once stop is requested.
  virtual Credentials get(const std::stop_token& stop = {}) = 0;
  /// Whether get() would answer (or throw) at once; if not, what it would wait for has begun.
  virtual bool is_ready() = 0;
  /// Whether get() would give keys at once; nobody is asked for others.
  virtual bool has_keys() = 0;
  /// A server said that these keys have expired: get() gives them no more unless they are fetched
  /// again. False if there can be no others.
  virtual bool refuse(const Credentials& keys) = 0;
};

std::shared_ptr<CredentialsProvider> make_static_provider(Credentials credentials);

/// Fetches keys; may take its time, and ends soon with Error once stop is requested. Runs on one
/// thread at a time.
using FetchCredentials = std::function<Credentials(const std::stop_token& stop)>;

struct RefreshOptions {
  FetchCredentials fetch{};
  /// Fetched already; unset: fetched when first asked for.
  std::optional<Credentials> first{};
  /// Must outlive the provider.
  const Clock* clock = &system_clock();
  /// Of the jitter that keeps many processes from asking at one moment.
  std::uint64_t seed = 0;
  LogSink log{};
};

/// Keeps keys fresh. They are fetched anew in the background once a third of their life is left,
/// but no more than 15 minutes (AWS SDKs' window), less jitter. A failed refresh leaves good keys
/// in use and is tried again after 5 to 60 s. Keys that are fetched expired are in use for a
/// minute: it may be this clock that is wrong, and the server decides.
std::shared_ptr<CredentialsProvider> make_refreshing_provider(RefreshOptions options);

}  // namespace skipjack::s3
