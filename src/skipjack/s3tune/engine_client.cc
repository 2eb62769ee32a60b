// Our own engine as a client: boto3's four parameters, and a file for `skipjack s3 get --config`.
#include "skipjack/s3tune/client_entry.h"

namespace skipjack::s3tune {
namespace {

std::string ready(const ReadyRequest& request) {
  return to_json_text(to_json(transfer_config_of(request.values)), JsonStyle::Indented) + "\n";
}

}  // namespace

ClientSpace transfer_config_space(const TransferSpaceOptions& options, const ClientProgram&) {
  ClientSpace made{.space = transfer_space(options)};
  made.defaults = nearest_configuration(made.space, options, kBoto3Point);
  made.engine_like = nearest_configuration(made.space, options, engine_point(options));
  return made;
}

Client engine_client() {
  return {.name = "native",
          .label = "skipjack",
          .kind = Client::Kind::Engine,
          .space = transfer_config_space,
          .ready_file = "config.json",
          .ready = ready};
}

}  // namespace skipjack::s3tune
