#include "skipjack/s3/transport.h"

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3/transfer_config.h"

namespace skipjack::s3 {

void validate(const TransportOptions& options) {
  const auto positive = [](Duration value, const char* name) {
    if (value <= Duration(0))
      throw Error(ErrorCode::InvalidArgument,
                  std::string(name) + " = " + format_duration(value) + " must be > 0");
  };
  positive(options.connect_timeout, "connect_timeout");
  positive(options.stall_timeout, "stall_timeout");
  if (options.receive_buffer < 16 * 1024 || options.receive_buffer > 10 * 1024 * 1024)
    throw Error(ErrorCode::InvalidArgument,
                "receive_buffer = " + std::to_string(options.receive_buffer) +
                    " must be in [16384, 10485760]");
  if (options.max_idle_connections < 1)
    throw Error(
        ErrorCode::InvalidArgument,
        "max_idle_connections = " + std::to_string(options.max_idle_connections) + " must be >= 1");
  validate_endpoint_ips(options.endpoint_ips);
  if (!options.proxy.empty() && !options.endpoint_ips.empty())
    throw Error(ErrorCode::InvalidArgument,
                "endpoint_ips can't go with a proxy, which looks names up itself",
                "leave endpoint_ips out, or name the endpoint in no_proxy");
}

const std::string* HttpHead::find(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return &value;
  return nullptr;
}

std::string_view to_string(TransportStatus status) {
  switch (status) {
    case TransportStatus::Complete:
      return "complete";
    case TransportStatus::Truncated:
      return "truncated";
    case TransportStatus::ConnectFailed:
      return "connect failed";
    case TransportStatus::OutOfFiles:
      return "out of files";
    case TransportStatus::TlsFailed:
      return "TLS failed";
    case TransportStatus::Reset:
      return "reset";
    case TransportStatus::TimedOut:
      return "timed out";
    case TransportStatus::Aborted:
      return "aborted";
    case TransportStatus::ProtocolError:
      return "protocol error";
  }
  return "unknown";
}

}  // namespace skipjack::s3
