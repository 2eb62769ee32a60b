// skipjack s3 put: one file, or standard input, becomes an object.
#include <memory>
#include <ostream>

#include "skipjack/base/bytes.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/s3_filter_flags.h"
#include "skipjack/cli/s3_transfer_flags.h"
#include "skipjack/cli/signals.h"
#include "skipjack/cli/standard_streams.h"
#include "skipjack/cli/terminal.h"
#include "skipjack/cli/transfer_progress.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/upload.h"

namespace skipjack::cli {
namespace {

struct PutFlags {
  S3AccessFlags access;
  ObjectAccessFlags object;
  TransferConfigFlags transfer;
  std::string source, destination, content_type = "binary/octet-stream";
  std::vector<std::string> metadata;
  bool json = false, quiet = false;
};

s3::ObjectAddress destination(const PutFlags& flags) {
  s3::ObjectAddress object = s3::parse_s3_uri(flags.destination);
  if (!object.key.empty() && !object.key.ends_with('/')) return object;
  if (flags.source == "-")
    throw Error(ErrorCode::InvalidArgument, "'" + flags.destination + "' names no object",
                "write s3://bucket/key");
  object.key += std::filesystem::path(flags.source).filename().string();
  return object;
}

std::map<std::string, std::string> metadata(const PutFlags& flags) {
  std::map<std::string, std::string> pairs;
  for (const std::string& pair : flags.metadata) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorCode::InvalidArgument, "--metadata '" + pair + "' is no pair",
                  "write --metadata name=value");
    pairs[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return pairs;
}

Json json_result(const s3::UploadResult& result, const PutFlags& flags,
                 const s3::ObjectAddress& object) {
  const double seconds = to_seconds(result.duration);
  Json json;
  json.set("source", flags.source);
  json.set("destination", s3::to_s3_uri(object));
  json.set("bytes", result.bytes);
  json.set("seconds", seconds);
  json.set("bytes_per_second", seconds > 0 ? static_cast<double>(result.bytes) / seconds : 0.0);
  json.set("num_parts", result.num_parts);
  json.set("part_bytes", result.part_bytes);
  json.set("max_concurrency", result.max_concurrency);
  json.set("num_requests", result.num_requests);
  json.set("etag", result.etag);
  json.set("version_id", result.version_id.empty() ? Json() : Json(result.version_id));
  return json;
}

int put(const PutFlags& flags, Context& context) {
  std::stop_source stop;
  const s3::ObjectAddress object = destination(flags);
  s3::UploadOptions options{.object = object,
                            .content_type = flags.content_type,
                            .metadata = metadata(flags),
                            .access = object_access(flags.object),
                            .config = transfer_config(flags.transfer),
                            .stop = stop.get_token()};
  if (flags.source == "-")
    options.source = standard_input(stop.get_token());
  else
    options.source = s3::FromFile{flags.source};
  const S3Access access = s3_access(flags.access, context);
  SignalWatch signals([&stop] { stop.request_stop(); });
  StatusLine status(context);
  TransferProgress progress;
  if (context.err_is_terminal && !flags.quiet && !flags.json)
    options.progress = [&](std::int64_t done, std::optional<std::int64_t> total) {
      status.update(progress.text({.bytes_done = done,
                                   .bytes_total = total,
                                   .now = system_clock().now(),
                                   .columns = StatusLine::columns()}));
    };
  s3::Client client(access.client);
  const s3::UploadResult result = client.upload(options);
  status.clear();
  if (flags.json) {
    write_output(context, "-",
                 to_json_text(json_result(result, flags, object), JsonStyle::Indented) + "\n");
  } else if (!flags.quiet) {
    const double seconds = to_seconds(result.duration);
    write_output(
        context, "-",
        one_line(flags.source + " to " + s3::to_s3_uri(object) + ": " +
                 format_byte_size(static_cast<double>(result.bytes)) + " in " +
                 format_duration(result.duration) + ", " +
                 format_byte_size(seconds > 0 ? static_cast<double>(result.bytes) / seconds : 0) +
                 "/s; " +
                 (result.num_parts <= 1
                      ? "one request"
                      : std::to_string(result.num_parts) + " parts of " +
                            format_byte_size(static_cast<double>(result.part_bytes)))) +
            "\n");
  }
  return kExitOk;
}

}  // namespace

void add_s3_put(CLI::App& s3, Context& context) {
  const auto flags = std::make_shared<PutFlags>();
  CLI::App& command = *s3.add_subcommand("put", "Upload one file");
  command.add_option("source", flags->source, "file, or - for standard input")
      ->required()
      ->type_name("PATH");
  command
      .add_option("destination", flags->destination,
                  "s3://bucket/key; behind a slash the file's name is added")
      ->required()
      ->type_name("URI");
  command.add_option("--content-type", flags->content_type, "default binary/octet-stream")
      ->type_name("TYPE");
  repeated(command.add_option("--metadata", flags->metadata, "kept with the object"))
      ->type_name("NAME=VALUE");
  command.add_flag("--json", flags->json, "print the result as JSON");
  command.add_flag("--quiet,-q", flags->quiet, "print nothing but errors");
  add_s3_access_flags(command, flags->access);
  add_object_access_flags(command, flags->object);
  add_transfer_config_flags(command, flags->transfer);
  on_choice(command, context, flags, put);
}

}  // namespace skipjack::cli
