#include "skipjack/s3/instance_metadata.h"

#include <algorithm>
#include <mutex>

#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/identity_call.h"
#include "skipjack/s3/text.h"

namespace skipjack::s3 {
namespace {

constexpr const char* kWho = "the instance's metadata service";
constexpr const char* kRolePath = "/latest/meta-data/iam/security-credentials/";
constexpr const char* kRegionPath = "/latest/meta-data/placement/region";
constexpr const char* kInstanceTypePath = "/latest/meta-data/instance-type";
/// Six hours, the most that the service grants.
constexpr std::int64_t kTokenSeconds = 21600;
constexpr std::int64_t kAttempts = 4;

/// Whoever does not answer is not there: most machines are no EC2 instances. Other clouds have
/// something else at the address, which refuses.
bool is_absence(const SmallOutcome& outcome) {
  if (outcome.status != TransportStatus::Complete)
    return outcome.status != TransportStatus::OutOfFiles;
  const int status = outcome.answer.head.status;
  return status == 400 || status == 403 || status == 404 || status == 405;
}

bool has_token(const SmallOutcome& outcome) {
  return outcome.status == TransportStatus::Complete && outcome.answer.head.status == 200 &&
         !trim(outcome.answer.body).empty();
}

}  // namespace

class InstanceMetadata::Impl {
 public:
  explicit Impl(InstanceMetadataOptions options) : options_(std::move(options)) {
    // Refused before anything is sent.
    options_.endpoint = parse_endpoint_url(options_.endpoint).url();
  }

  std::optional<Credentials> credentials(const std::stop_token& stop) {
    const std::lock_guard lock(mutex_);
    const std::optional<SmallOutcome> roles = get(kRolePath, stop);
    if (!roles || roles->answer.head.status == 404) return std::nullopt;
    require_success(*roles);
    const std::string_view lines = roles->answer.body;
    const std::string role(trim(lines.substr(0, lines.find('\n'))));
    if (role.empty()) return std::nullopt;
    const std::optional<SmallOutcome> keys =
        get(kRolePath + percent_encode(role, Slashes::Encode), stop);
    if (!keys) return std::nullopt;
    require_success(*keys);
    return credentials_of_json(keys->answer.body, kWho, "Token");
  }

  /// One word of text.
  std::optional<std::string> fact(const char* path, const std::stop_token& stop) {
    const std::lock_guard lock(mutex_);
    std::optional<SmallOutcome> answer;
    try {
      answer = get(path, stop);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::Cancelled) throw;
    }
    if (!answer || answer->status != TransportStatus::Complete || answer->answer.head.status != 200)
      return std::nullopt;
    const std::string text(trim(answer->answer.body));
    return text.empty() ? std::nullopt : std::optional(text);
  }

 private:
  void require_success(const SmallOutcome& outcome) const {
    if (outcome.status != TransportStatus::Complete || outcome.answer.head.status != 200)
      throw identity_error(kWho, options_.endpoint, outcome);
  }

  SmallOutcome call(IdentityCall request, std::int64_t num_attempts, const std::stop_token& stop) {
    request.url = options_.endpoint + request.url;
    return call_identity(request, {.time_limit = options_.time_limit,
                                   .num_attempts = num_attempts,
                                   .seed = options_.seed + num_calls_++,
                                   .stop = stop});
  }

  /// nullopt if there is no such service.
  std::optional<SmallOutcome> get(const std::string& path, const std::stop_token& stop) {
    for (int round = 1;; ++round) {
      if (!have_token(stop)) return std::nullopt;
      SmallOutcome outcome =
          call({.url = path, .headers = {{"X-aws-ec2-metadata-token", token_.reveal()}}},
               options_.num_attempts.value_or(kAttempts), stop);
      // The token has gone stale (an instance that slept): once more with another.
      if (outcome.answer.head.status != 401 || round == 2) return outcome;
      token_end_ = 0;
    }
  }

  bool have_token(const std::stop_token& stop) {
    if (is_absent_) return false;
    const double now = options_.clock->unix_time();
    if (!token_.empty() && now < token_end_) return true;
    const IdentityCall request{
        .method = "PUT",
        .url = "/latest/api/token",
        .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", std::to_string(kTokenSeconds)}}};
    // Once it has shown itself it is there, and may be in trouble.
    const bool is_known = !token_.empty();
    SmallOutcome outcome =
        call(request, options_.num_attempts.value_or(is_known ? kAttempts : 1), stop);
    if (!is_known && is_absence(outcome)) {
      is_absent_ = true;
      return false;
    }
    if (!is_known && !options_.num_attempts && !has_token(outcome))
      outcome = call(request, kAttempts - 1, stop);
    if (!has_token(outcome)) throw identity_error(kWho, options_.endpoint, outcome);
    token_ = Secret(std::string(trim(outcome.answer.body)));
    token_end_ = now + static_cast<double>(kTokenSeconds) * 0.9;
    return true;
  }

  InstanceMetadataOptions options_;
  std::mutex mutex_;
  Secret token_;
  double token_end_ = 0;  ///< Unix time.
  bool is_absent_ = false;
  std::uint64_t num_calls_ = 0;
};

InstanceMetadata::InstanceMetadata(InstanceMetadataOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
InstanceMetadata::~InstanceMetadata() = default;

std::optional<Credentials> InstanceMetadata::credentials(const std::stop_token& stop) {
  return impl_->credentials(stop);
}
std::optional<std::string> InstanceMetadata::region(const std::stop_token& stop) {
  return impl_->fact(kRegionPath, stop);
}
std::optional<std::string> InstanceMetadata::instance_type(const std::stop_token& stop) {
  return impl_->fact(kInstanceTypePath, stop);
}

}  // namespace skipjack::s3
