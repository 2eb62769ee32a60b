// boto3, by its own Python threads and by the AWS CRT: found under an interpreter, driven by
// boto3_trial.py, answered with a TransferConfig. With the CRT, TransferConfig takes the number of
// connections and the size of parts alone (boto3/crt.py).
#include "skipjack/s3tune/boto3_client.h"

#include <algorithm>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/json.h"
#include "skipjack/s3tune/child_process.h"
#include "skipjack/s3tune/client_entry.h"

namespace skipjack::s3tune {
namespace {

constexpr Duration kCheckTimeout = std::chrono::seconds(60);
/// What the CRT does by itself where it knows nothing of the machine: 10 Gbit/s at 0.4 Gbit/s a
/// connection, and its memory shared among them.
constexpr ConnectionsAndPart kCrtPoint{.connections = 25, .part = 32 * kMiB};

ClientSpace crt_space(const TransferSpaceOptions& options, const ClientProgram&) {
  const TransferBounds bounds = transfer_bounds(options);
  const auto values = [](const ConnectionsAndPart& point) {
    return Json(Json::Object{{std::string(kMaxConcurrency), point.connections},
                             {std::string(kMultipartChunksize), point.part}});
  };
  return make_space(
      options,
      {.parameters = {{std::string(kMaxConcurrency), log_rand_int(1, bounds.most_connections)},
                      {std::string(kMultipartChunksize),
                       log_rand_int(bounds.smallest_part, bounds.largest_part)}},
       .constraints = {parts_constraint(options, kMaxConcurrency, kMultipartChunksize)},
       .defaults = values(nearest_parts(options, kCrtPoint)),
       .engine_like = values(engine_parts(options))});
}

std::string ready(const ReadyRequest& request) {
  const s3::TransferConfig config = transfer_config_of(request.values);
  std::string arguments;
  const Json values = to_json(config);
  for (const auto& [name, value] : values.as_object())
    if (name != "memory_limit")
      arguments += "    " + name + "=" + std::to_string(value.as_int()) + ",\n";
  return "import boto3\nfrom boto3.s3.transfer import TransferConfig\nfrom botocore.config import "
         "Config\n\n"
         "config = TransferConfig(\n" +
         arguments +
         ")\n"
         "client = boto3.client(\"s3\", config=Config(max_pool_connections=" +
         std::to_string(std::max<std::int64_t>(10, config.max_concurrency.value_or(10))) + "))\n";
}

std::string crt_ready(const ReadyRequest& request) {
  std::string text =
      "from boto3.s3.transfer import TransferConfig\n\n"
      "config = TransferConfig(\n    preferred_transfer_client=\"crt\",\n";
  for (const std::string_view name : {kMaxConcurrency, kMultipartChunksize})
    if (const auto value = value_text(request.values, name))
      text += "    " + std::string(name) + "=" + *value + ",\n";
  text += ")\n";
  if (!request.endpoint_url.empty())
    text +=
        "# With the CRT, boto3 takes the endpoint from AWS_ENDPOINT_URL, not from the client, and "
        "speaks TLS to it.\n";
  return text;
}

}  // namespace

Client boto3_client() {
  return {.name = "boto3",
          .label = "boto3",
          .kind = Client::Kind::Script,
          .space = transfer_config_space,
          .ready_file = "transfer_config.py",
          .ready = ready};
}

Client boto3_crt_client() {
  return {.name = "boto3-crt",
          .label = "boto3 with CRT",
          .kind = Client::Kind::Script,
          .space = crt_space,
          .ready_file = "transfer_config.py",
          .ready = crt_ready};
}

std::filesystem::path boto3_trial_script(const std::filesystem::path& program) {
  const std::filesystem::path name = "boto3_trial.py";
  for (const std::filesystem::path& candidate :
       {program.parent_path() / ".." / "share" / "skipjack" / name,
        std::filesystem::path(SKIPJACK_DATA_DIR) / name,
        std::filesystem::path(SKIPJACK_S3TUNE_SOURCE_DIR) / name}) {
    std::error_code error;
    if (std::filesystem::exists(candidate, error))
      return std::filesystem::weakly_canonical(candidate);
  }
  throw Error(ErrorCode::NotFound,
              "boto3_trial.py is not there: looked beside " + program.string() + " and in " +
                  SKIPJACK_DATA_DIR,
              "install skipjack with its share/skipjack folder");
}

Boto3 find_boto3(const std::string& python, const std::filesystem::path& program) {
  const std::filesystem::path script = boto3_trial_script(program);
  const ChildResult check =
      run_child({.words = {python, script.string(), "--check"}, .time_limit = kCheckTimeout});
  const auto answer = check.exit_code == 0 ? try_parse_json(check.output) : std::nullopt;
  if (!answer || !answer->find("boto3"))
    throw Error(ErrorCode::NotFound,
                "no boto3 under the interpreter '" + python + "': " + last_line(check.output),
                "install it: " + python +
                    " -m pip install boto3 (where that is refused: python3 -m venv DIR && "
                    "DIR/bin/pip install boto3), or give the --python of one that has it");
  return {.script = script,
          .python = python,
          .boto3_version = answer->at("boto3").as_string(),
          .python_version = answer->at("python").as_string(),
          .crt_version = answer->at("crt").as_string()};
}

void require_crt(const Boto3& boto3) {
  if (boto3.crt_version.empty())
    throw Error(ErrorCode::NotFound,
                "boto3 " + boto3.boto3_version + " under the interpreter '" + boto3.python +
                    "' can't hand a TransferConfig to the AWS CRT",
                "pip install --upgrade 'boto3[crt]' for it, or give another --python");
}

}  // namespace skipjack::s3tune
