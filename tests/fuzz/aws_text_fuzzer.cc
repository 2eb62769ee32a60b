// Any bytes as one of the small texts that AWS access is made of, chosen by the first byte: a
// profile file, dates, an S3 error, an endpoint's URL, an s3:// address, a list of hosts without a
// proxy. An error that says so, or a value that holds together.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "skipjack/base/error.h"
#include "skipjack/s3/answer.h"
#include "skipjack/s3/dates.h"
#include "skipjack/s3/endpoint.h"
#include "skipjack/s3/environment.h"
#include "skipjack/s3/profile_file.h"

namespace {

using namespace skipjack::s3;

void expect(bool holds) {
  if (!holds) std::abort();
}

void read_dates(std::string_view text) {
  if (const auto time = parse_iso_date(text)) {
    expect(*time >= 0);
    expect(parse_iso_date(to_iso_date(*time)) == time);
  }
  if (const auto time = parse_http_date(text)) expect(*time >= 0);
}

void read_addresses(const std::string& text) {
  const ObjectAddress address = parse_s3_uri(text);
  expect(to_s3_uri(address).starts_with("s3://" + address.bucket + "/"));
  const RequestTarget target = request_target({}, address);
  expect(target.path.front() == '/' && target.url().find_first_of("\r\n ") == std::string::npos);
}

void read(int kind, const std::string& text) {
  switch (kind) {
    case 0:
      for (const auto& [name, section] : parse_profile_file(text, "f"))
        for (const auto& [key, value] : section)
          expect(!key.empty() && key.find('\n') == std::string::npos);
      return;
    case 1:
      return read_dates(text);
    case 2: {
      const S3ErrorBody error = parse_s3_error(text);
      return expect(error.code.size() <= 100 && error.message.size() <= 300);
    }
    case 3: {
      const RequestTarget target = parse_endpoint_url(text);
      return expect(!target.authority.empty() && !target.path.ends_with('/'));
    }
    case 4:
      return read_addresses("s3://" + text);
    default: {
      const std::string proxy = proxy_for("https://10.1.2.3:443/x", [&](const std::string& name) {
        return name == "no_proxy" ? std::optional(text) : std::optional(std::string("p"));
      });
      return expect(proxy.empty() || proxy == "http://p");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    read(data[0] % 6, std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  } catch (const skipjack::Error& error) {
    const skipjack::ErrorCode code = error.code();
    expect(code == skipjack::ErrorCode::InvalidArgument ||
           code == skipjack::ErrorCode::Unsupported);
  }
  return 0;
}
