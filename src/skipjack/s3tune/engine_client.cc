// Our own engine as a client: boto3's four parameters, and a file for `skipjack s3 get --config`.
#include "skipjack/s3tune/client.h"

namespace skipjack::s3tune {
namespace {

ClientSpace space(const TransferSpaceOptions& options, const ClientProgram&) {
  SearchSpace space = transfer_space(options);
  Configuration defaults = nearest_configuration(space, options, kBoto3Point);
  return {.space = std::move(space), .defaults = std::move(defaults)};
}

std::string ready(const ReadyRequest& request) {
  return to_json_text(to_json(transfer_config_of(request.values)), JsonStyle::Indented) + "\n";
}

}  // namespace

Client engine_client() {
  return {.name = "native",
          .label = "skipjack",
          .kind = Client::Kind::Engine,
          .space = space,
          .ready_file = "config.json",
          .ready = ready};
}

}  // namespace skipjack::s3tune
