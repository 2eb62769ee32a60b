// The download engine. Progress is counted in steps, as boto3's callbacks count it.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <random>
#include <utility>

#include "bind.h"
#include "convert.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/aws_settings.h"
#include "skipjack/s3/client.h"

namespace skipjack::python {
namespace {

using namespace nb::literals;

std::string text_of(const Json& options, const char* key) {
  const Json* value = options.find(key);
  return value && !value->is_null() ? value->as_string() : std::string();
}

std::optional<std::string> optional_text(const Json& options, const char* key) {
  const std::string text = text_of(options, key);
  return text.empty() ? std::nullopt : std::optional(text);
}

bool is_set(const Json& options, const char* key) {
  const Json* value = options.find(key);
  return value && value->is_bool() && value->as_bool();
}

/// Keys of options: endpoint_url, region, profile, addressing_style, anonymous, access_key,
/// secret_key, session_token.
s3::ClientOptions client_options(const Json& options) {
  const bool has_keys = !text_of(options, "access_key").empty();
  s3::AwsSettingsOptions asked{.profile = optional_text(options, "profile"),
                               .region = optional_text(options, "region"),
                               .endpoint_url = optional_text(options, "endpoint_url")};
  asked.find_credentials = !has_keys && !is_set(options, "anonymous");
  asked.seed = std::random_device()();
  const s3::AwsSettings settings = s3::load_aws_settings(asked);
  s3::ClientOptions client{
      .endpoint = {.endpoint_url = settings.endpoint_url.value_or(""),
                   .region = settings.region.value_or("us-east-1"),
                   .addressing_style = settings.addressing_style,
                   .use_dualstack_endpoint = settings.use_dualstack_endpoint,
                   .use_fips_endpoint = settings.use_fips_endpoint,
                   .use_accelerate_endpoint = settings.use_accelerate_endpoint}};
  if (const auto style = optional_text(options, "addressing_style"))
    client.endpoint.addressing_style = s3::parse_addressing_style(*style);
  if (has_keys)
    client.credentials = {.access_key_id = text_of(options, "access_key"),
                          .secret_access_key = s3::Secret(text_of(options, "secret_key")),
                          .session_token = s3::Secret(text_of(options, "session_token"))};
  client.credentials_provider = settings.credentials;
  if (settings.ca_bundle) client.transport.ca_file = *settings.ca_bundle;
  client.transport.proxy = settings.proxy;
  return client;
}

/// Calls Python while a download runs; what goes wrong there ends the download.
class Progress {
 public:
  Progress(nb::handle callback, std::stop_source& stop) : callback_(callback), stop_(stop) {}
  void operator()(std::int64_t bytes_done) {
    nb::gil_scoped_acquire acquire;
    if (failure_) return;
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      if (!callback_.is_none() && bytes_done > told_) callback_(bytes_done - told_);
      told_ = bytes_done;
    } catch (...) {
      failure_ = std::current_exception();
      stop_.request_stop();
    }
  }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  nb::handle callback_;
  std::stop_source& stop_;
  std::int64_t told_ = 0;
  std::exception_ptr failure_;
};

/// One client, used by one thread at a time: others wait. After a fork the child makes one of its
/// own and leaves its parent's alone: what it read or closed of those connections would be missing
/// there.
class PythonClient {
 public:
  explicit PythonClient(nb::handle options)
      : options_(json_from(options)), own_(std::make_unique<Own>(options_)) {}
  ~PythonClient() {
    if (own_->process != ::getpid()) leave_to_parent();
  }
  PythonClient(const PythonClient&) = delete;
  PythonClient& operator=(const PythonClient&) = delete;

  nb::any download(const std::string& bucket, const std::string& key, nb::handle filename,
                   nb::handle config, nb::handle callback, const std::string& version_id,
                   bool requester_pays, const std::optional<nb::bytes>& customer_key) {
    std::stop_source stop;
    Progress progress(callback, stop);
    s3::DownloadOptions options{.object = {.bucket = bucket, .key = key},
                                .version_id = version_id,
                                .stop = stop.get_token()};
    options.access.is_requester_paying = requester_pays;
    if (customer_key)
      options.access.customer_key =
          s3::Secret(std::string(customer_key->c_str(), customer_key->size()));
    if (filename.is_none())
      options.target = s3::ToMemory{};
    else
      options.target = s3::ToFile{json_from(filename).as_string()};
    if (!config.is_none()) options.config = s3::transfer_config_from_json(json_from(config));
    options.progress = [&](std::int64_t done, std::optional<std::int64_t>) { progress(done); };
    s3::DownloadResult result;
    Own& mine = own();
    try {
      nb::gil_scoped_release release;
      const std::lock_guard lock(mine.mutex);
      result = mine.client.download(options);
    } catch (const Error&) {
      progress.rethrow();
      throw;
    }
    progress.rethrow();
    nb::any summary = python_from(to_json(result));
    if (filename.is_none())
      summary["body"] = nb::bytes(result.memory.view().data(), result.memory.size);
    return summary;
  }

  nb::any head(const std::string& bucket, const std::string& key) {
    s3::ObjectSummary summary;
    Own& mine = own();
    {
      nb::gil_scoped_release release;
      const std::lock_guard lock(mine.mutex);
      summary = mine.client.head_object({.bucket = bucket, .key = key});
    }
    return python_from(Json::Object{{"size", summary.size},
                                    {"etag", summary.etag},
                                    {"version_id", summary.version_id},
                                    {"last_modified", summary.last_modified},
                                    {"content_type", summary.content_type}});
  }

 private:
  struct Own {
    explicit Own(const Json& options) : client(client_options(options)) {}
    s3::Client client;
    std::mutex mutex;
    pid_t process = ::getpid();
  };

  /// With the interpreter's lock.
  Own& own() {
    if (own_->process != ::getpid()) {
      auto fresh = std::make_unique<Own>(options_);  // throws before anything is left
      leave_to_parent();
      own_ = std::move(fresh);
    }
    return *own_;
  }
  /// Its memory is not given back, since its end would speak on the parent's connections.
  void leave_to_parent() { static_cast<void>(own_.release()); }

  Json options_;
  std::unique_ptr<Own> own_;
};

}  // namespace

void bind_s3(nb::module_& module) {
  nb::class_<PythonClient>(module, "S3Client")
      .def(nb::init<nb::handle>(), "options"_a)
      .def("download", &PythonClient::download, "bucket"_a, "key"_a, "filename"_a.none(),
           "config"_a.none() = nb::none(), "callback"_a.none() = nb::none(), "version_id"_a = "",
           "requester_pays"_a = false, "customer_key"_a.none() = nb::none())
      .def("head", &PythonClient::head, "bucket"_a, "key"_a);
  module.def(
      "boto3_defaults", [] { return python_from(to_json(s3::boto3_defaults())); },
      "What boto3's TransferConfig has where nothing is set.");
  module.def(
      "validate_transfer_config",
      [](nb::handle config) { (void)s3::transfer_config_from_json(json_from(config)); },
      "config"_a);
}

}  // namespace skipjack::python
