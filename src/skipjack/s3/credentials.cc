#include "skipjack/s3/credentials.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>

#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

constexpr double kLongestWindow = 15 * 60;
constexpr double kExpiredUse = 60;
constexpr double kShortestPause = 5;
constexpr double kLongestPause = 60;
/// How long a failure is an answer to those who ask for keys.
constexpr double kFailureUse = 10;

class StaticProvider final : public CredentialsProvider {
 public:
  explicit StaticProvider(Credentials credentials) : credentials_(std::move(credentials)) {}
  Credentials get(const std::stop_token&) override { return credentials_; }
  bool is_ready() override { return true; }
  bool has_keys() override { return true; }
  bool refuse(const Credentials&) override { return false; }

 private:
  const Credentials credentials_;
};

class RefreshingProvider final : public CredentialsProvider {
 public:
  explicit RefreshingProvider(RefreshOptions options)
      : options_(std::move(options)), rng_(options_.seed, "s3.credentials") {
    if (options_.first) take(*options_.first);
  }

  Credentials get(const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (is_usable()) return *keys_;
      if (has_failed()) std::rethrow_exception(std::exchange(failure_, nullptr));
      if (stop.stop_requested())
        throw Error(ErrorCode::Cancelled, "the wait for credentials was cancelled");
      begin_fetch();
      changed_.wait(lock, stop, [this] { return !is_fetching_; });
    }
  }

  bool is_ready() override {
    const std::lock_guard lock(mutex_);
    if (is_usable() || has_failed()) return true;
    begin_fetch();
    return false;
  }

  bool has_keys() override {
    const std::lock_guard lock(mutex_);
    return is_still_good();
  }

  bool refuse(const Credentials& keys) override {
    const std::lock_guard lock(mutex_);
    // Others may have been fetched since.
    if (keys_ && *keys_ == keys) {
      keys_.reset();
      begin_fetch();
    }
    return true;
  }

 private:
  /// The lock is held. Begins a refresh if it is time for one.
  bool is_usable() {
    const double now = options_.clock->unix_time();
    if (!keys_ || now >= end_) return false;
    if (now >= refresh_at_) begin_fetch();
    return true;
  }

  /// The lock is held. What went wrong long ago, unheard, says nothing about now.
  bool has_failed() {
    if (options_.clock->unix_time() >= failure_end_) failure_ = nullptr;
    return failure_ != nullptr;
  }

  /// The lock is held.
  void begin_fetch() {
    if (std::exchange(is_fetching_, true)) return;
    failure_ = nullptr;
    if (thread_.joinable()) return changed_.notify_all();
    try {
      thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    } catch (const std::system_error& error) {
      // Nobody is told while there are good keys: the sink is not to be called with the lock.
      fail(std::make_exception_ptr(
          Error(ErrorCode::Exhausted,
                std::string("no thread can be started to fetch credentials: ") + error.what(),
                "allow more processes (ulimit -u)")));
      is_fetching_ = false;
    }
  }

  /// One fetch after the other, whenever one has begun.
  void run(const std::stop_token& stop) {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, stop, [this] { return is_fetching_; });
      }
      if (stop.stop_requested()) return;
      fetch(stop);
    }
  }

  void fetch(const std::stop_token& stop) {
    std::optional<Credentials> fetched;
    std::exception_ptr failure;
    try {
      fetched = options_.fetch(stop);
    } catch (...) {
      failure = std::current_exception();
    }
    std::string complaint;
    {
      const std::lock_guard lock(mutex_);
      if (fetched)
        take(*fetched);
      else
        complaint = fail(std::move(failure));
      is_fetching_ = false;
      changed_.notify_all();
    }
    // Last, and without the lock: the sink is not ours.
    if (!complaint.empty()) log(options_.log, LogLevel::Warning, complaint);
  }

  void take(const Credentials& fetched) {
    keys_ = fetched;
    num_failures_ = 0;
    end_ = refresh_at_ = std::numeric_limits<double>::infinity();
    if (!fetched.expires) return;
    const double now = options_.clock->unix_time();
    const double left = static_cast<double>(*fetched.expires) - now;
    end_ = left > 0 ? static_cast<double>(*fetched.expires) : now + kExpiredUse;
    refresh_at_ = end_ - std::min(kLongestWindow, (end_ - now) / 3) * rng_.uniform(2.0 / 3, 1);
  }

  /// Returns what there is to say about it.
  std::string fail(std::exception_ptr failure) {
    if (!is_still_good()) {
      failure_ = std::move(failure);
      failure_end_ = options_.clock->unix_time() + kFailureUse;
      return {};
    }
    ++num_failures_;
    const double pause = std::min(kLongestPause, kShortestPause * num_failures_);
    refresh_at_ = options_.clock->unix_time() + pause * rng_.uniform(0.5, 1);
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      return std::string(
                 "credentials could not be refreshed, those in use are good for a while: ") +
             error.what();
    }
  }

  bool is_still_good() const { return keys_ && options_.clock->unix_time() < end_; }

  const RefreshOptions options_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Rng rng_;
  std::optional<Credentials> keys_;
  double end_ = 0, refresh_at_ = 0;  ///< Unix time.
  bool is_fetching_ = false;
  std::exception_ptr failure_;  ///< of the last fetch, until somebody is told.
  double failure_end_ = 0;      ///< Unix time.
  int num_failures_ = 0;
  std::jthread thread_;  ///< last: it uses all the others.
};

}  // namespace

std::shared_ptr<CredentialsProvider> make_static_provider(Credentials credentials) {
  return std::make_shared<StaticProvider>(std::move(credentials));
}

std::shared_ptr<CredentialsProvider> make_refreshing_provider(RefreshOptions options) {
  return std::make_shared<RefreshingProvider>(std::move(options));
}

}  // namespace skipjack::s3
