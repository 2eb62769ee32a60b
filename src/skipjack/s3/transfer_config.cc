#include "skipjack/s3/transfer_config.h"

#include <arpa/inet.h>

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"

namespace skipjack::s3 {
namespace {

enum class Unit { Count, Bytes, BytesPerSecond };

/// One integer field: its name in boto3, the alias that boto3 gives it, its bound, its default.
struct Field {
  std::string_view name;
  std::string_view alias;
  std::optional<std::int64_t> TransferConfig::*member;
  Unit unit;
  std::int64_t minimum;
  std::optional<std::int64_t> boto3_default;
};

// The order of boto3's documentation. Defaults: boto3 1.43, TransferConfig.
constexpr std::array<Field, 8> kFields = {{
    {"multipart_threshold", "", &TransferConfig::multipart_threshold, Unit::Bytes, 1, 8 * kMiB},
    {"max_concurrency", "max_request_concurrency", &TransferConfig::max_concurrency, Unit::Count, 1,
     10},
    {"multipart_chunksize", "", &TransferConfig::multipart_chunksize, Unit::Bytes, 1, 8 * kMiB},
    {"num_download_attempts", "", &TransferConfig::num_download_attempts, Unit::Count, 1, 5},
    {"max_io_queue", "max_io_queue_size", &TransferConfig::max_io_queue, Unit::Count, 1, 100},
    {"io_chunksize", "", &TransferConfig::io_chunksize, Unit::Bytes, 1, 256 * kKiB},
    {"max_bandwidth", "", &TransferConfig::max_bandwidth, Unit::BytesPerSecond, 1, std::nullopt},
    {"memory_limit", "", &TransferConfig::memory_limit, Unit::Bytes, kMiB, std::nullopt},
}};

struct Switch {
  std::string_view name;
  std::optional<bool> TransferConfig::*member;
};
constexpr std::array<Switch, 4> kSwitches = {{
    {"use_threads", &TransferConfig::use_threads},
    {"hedge", &TransferConfig::hedge},
    {"resume", &TransferConfig::resume},
    {"fsync", &TransferConfig::fsync},
}};

const Switch* find_switch(std::string_view key) {
  for (const Switch& field : kSwitches)
    if (key == field.name) return &field;
  return nullptr;
}

const Field* find_field(std::string_view key) {
  for (const Field& field : kFields)
    if (key == field.name || (!field.alias.empty() && key == field.alias)) return &field;
  return nullptr;
}

std::int64_t field_value(const Field& field, const Json& value) {
  const std::string name(field.name);
  if (value.is_int()) return value.as_int();
  // Tuners and JavaScript write 8388608.0; anything fractional is a mistake.
  if (value.is_double() && std::nearbyint(value.as_double()) == value.as_double() &&
      std::abs(value.as_double()) < 9e18)
    return static_cast<std::int64_t>(value.as_double());
  if (value.is_string() && field.unit != Unit::Count) {
    try {
      return parse_byte_size(value.as_string());
    } catch (const Error& error) {
      throw Error(ErrorCode::InvalidArgument, name + ": " + error.what(), error.try_this());
    }
  }
  throw Error(
      ErrorCode::InvalidArgument,
      name + " = " + to_json_text(value) +
          (field.unit == Unit::Count ? " must be a whole number"
                                     : " must be a whole number of bytes or a size like \"8MiB\""));
}

std::vector<std::string> addresses_of(const Json& value) {
  std::vector<std::string> addresses;
  const auto refuse = [&] {
    throw Error(
        ErrorCode::InvalidArgument,
        "endpoint_ips = " + to_json_text(value).substr(0, 100) + " must be a list of addresses",
        "for example [\"192.0.2.1\", \"2001:db8::1\"]");
  };
  if (!value.is_array()) refuse();
  for (const Json& address : value.as_array()) {
    if (!address.is_string()) refuse();
    addresses.push_back(address.as_string());
  }
  return addresses;
}

constexpr std::array<std::pair<WriteMode, std::string_view>, 3> kWriteModes = {
    {{WriteMode::Auto, "auto"}, {WriteMode::Buffered, "buffered"}, {WriteMode::Direct, "direct"}}};

}  // namespace

std::string_view to_string(ChecksumValidation validation) {
  return validation == ChecksumValidation::WhenSupported ? "when_supported" : "when_required";
}

ChecksumValidation checksum_validation(std::string_view text) {
  for (const auto validation :
       {ChecksumValidation::WhenSupported, ChecksumValidation::WhenRequired})
    if (text == to_string(validation)) return validation;
  throw Error(ErrorCode::InvalidArgument, "checksum = \"" + std::string(text.substr(0, 100)) +
                                              "\" must be when_supported or when_required");
}

std::string_view to_string(WriteMode mode) {
  for (const auto& [value, name] : kWriteModes)
    if (value == mode) return name;
  return "unknown";
}

WriteMode parse_write_mode(std::string_view text) {
  for (const auto& [value, name] : kWriteModes)
    if (name == text) return value;
  throw Error(ErrorCode::InvalidArgument, "write_mode = \"" + std::string(text.substr(0, 100)) +
                                              "\" must be auto, buffered or direct");
}

TransferConfig with_boto3_defaults(const TransferConfig& config) {
  TransferConfig filled = config;
  for (const Field& field : kFields)
    if (!(filled.*field.member)) filled.*field.member = field.boto3_default;
  if (!filled.use_threads) filled.use_threads = true;
  return filled;
}

TransferConfig boto3_defaults() { return with_boto3_defaults({}); }

void validate(const TransferConfig& config) {
  for (const Field& field : kFields) {
    const std::optional<std::int64_t>& value = config.*field.member;
    if (value && *value < field.minimum)
      throw Error(ErrorCode::InvalidArgument,
                  std::string(field.name) + " = " + std::to_string(*value) +
                      " must be >= " + std::to_string(field.minimum),
                  "give a value in range, or leave it out for auto");
  }
  if (config.endpoint_ips) validate_endpoint_ips(*config.endpoint_ips);
}

void validate_endpoint_ips(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    ::in6_addr bytes{};
    if (::inet_pton(AF_INET, address.c_str(), &bytes) != 1 &&
        ::inet_pton(AF_INET6, address.c_str(), &bytes) != 1)
      throw Error(ErrorCode::InvalidArgument,
                  "endpoint_ips holds \"" + address.substr(0, 100) + "\", which is no address",
                  "for example 192.0.2.1 or 2001:db8::1");
  }
}

TransferConfig transfer_config_from_json(const Json& object) {
  if (!object.is_object())
    throw Error(ErrorCode::InvalidArgument, "a transfer configuration must be a JSON object, not " +
                                                to_json_text(object).substr(0, 100));
  TransferConfig config;
  for (const auto& [key, value] : object.as_object()) {
    if (const Field* field = find_field(key)) {
      if (!value.is_null()) config.*field->member = field_value(*field, value);
    } else if (const Switch* toggle = find_switch(key)) {
      if (!value.is_null() && !value.is_bool())
        throw Error(ErrorCode::InvalidArgument,
                    key + " = " + to_json_text(value) + " must be true or false");
      if (value.is_bool()) config.*toggle->member = value.as_bool();
    } else if (key == "checksum") {
      if (!value.is_null())
        config.checksum =
            checksum_validation(value.is_string() ? value.as_string() : to_json_text(value));
    } else if (key == "write_mode") {
      if (!value.is_null())
        config.write_mode =
            parse_write_mode(value.is_string() ? value.as_string() : to_json_text(value));
    } else if (key == "endpoint_ips") {
      if (!value.is_null()) config.endpoint_ips = addresses_of(value);
    } else {
      std::string known = "checksum, write_mode, endpoint_ips, ";
      for (const Switch& other : kSwitches) known += std::string(other.name) + ", ";
      for (const Field& other : kFields) known += std::string(other.name) + ", ";
      known.resize(known.size() - 2);
      throw Error(ErrorCode::InvalidArgument,
                  "unknown key \"" + key + "\" in a transfer configuration",
                  "known keys: " + known);
    }
  }
  validate(config);
  return config;
}

Json to_json(const TransferConfig& config) {
  Json object{Json::Object{}};
  for (const Field& field : kFields)
    if (const auto& value = config.*field.member) object.set(field.name, *value);
  for (const Switch& field : kSwitches)
    if (const auto& value = config.*field.member) object.set(field.name, *value);
  if (config.checksum) object.set("checksum", std::string(to_string(*config.checksum)));
  if (config.write_mode != WriteMode::Auto)
    object.set("write_mode", std::string(to_string(config.write_mode)));
  if (config.endpoint_ips)
    object.set("endpoint_ips",
               Json::Array(config.endpoint_ips->begin(), config.endpoint_ips->end()));
  return object;
}

}  // namespace skipjack::s3
