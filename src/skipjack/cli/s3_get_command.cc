// skipjack s3 get: one object into a file, to standard output, into memory or nowhere, with boto3's
// TransferConfig as flags.
#include <sys/resource.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <ostream>
#include <stop_token>

#include "skipjack/base/bytes.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/s3_transfer_flags.h"
#include "skipjack/cli/signals.h"
#include "skipjack/cli/standard_streams.h"
#include "skipjack/cli/terminal.h"
#include "skipjack/cli/transfer_progress.h"
#include "skipjack/cli/tuned_start.h"
#include "skipjack/s3/client.h"

namespace skipjack::cli {
namespace {

struct GetFlags {
  S3AccessFlags access;
  ObjectAccessFlags object;
  TransferConfigFlags transfer;
  std::string source, destination, to, version_id;
  std::optional<std::string> range;
  bool json = false, quiet = false, no_tuned = false;
};

/// "0-99" with both ends in it, "100-" to the end, "-100" for the last hundred: as HTTP writes it.
std::variant<s3::ByteSpan, s3::LastBytes> parse_range(const std::string& text) {
  const auto number = [](std::string_view digits) -> std::optional<std::int64_t> {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < 0 ||
        digits.front() == '-' || value == INT64_MAX)
      return std::nullopt;
    return value;
  };
  const std::size_t dash = text.find('-');
  if (dash != std::string::npos) {
    const std::string_view first = std::string_view(text).substr(0, dash);
    const std::string_view last = std::string_view(text).substr(dash + 1);
    const auto begin = first.empty() ? std::nullopt : number(first);
    const auto end = last.empty() ? std::nullopt : number(last);
    if (first.empty() && end) return s3::LastBytes{*end};
    if (begin && last.empty()) return s3::ByteSpan{*begin};
    if (begin && end && *begin <= *end) return s3::ByteSpan{*begin, *end + 1};
  }
  throw Error(ErrorCode::InvalidArgument, "--range '" + text + "' is no range of bytes",
              "write 0-99 for the first hundred, 100- for all after them, -100 for the last");
}

/// The name an object gets in a folder: what follows the last slash of its key.
std::string base_name(const s3::ObjectAddress& object) {
  const std::string name = object.key.substr(object.key.find_last_of('/') + 1);
  if (name.empty() || name == "." || name == "..")
    throw Error(ErrorCode::InvalidArgument,
                "the key '" + one_line(object.key) + "' gives no file name",
                "name the file as second argument");
  return name;
}

s3::DownloadTarget target(const GetFlags& flags, const s3::ObjectAddress& object,
                          const std::stop_token& stop) {
  if (flags.to != "file") {
    if (!flags.destination.empty())
      throw Error(
          ErrorCode::InvalidArgument,
          "--to " + flags.to + " takes no destination, but '" + flags.destination + "' is given",
          "leave out one of the two");
    if (flags.to == "memory") return s3::ToMemory{};
    return s3::Discard{};
  }
  if (flags.destination.empty()) return s3::ToFile{base_name(object)};
  if (flags.destination == "-") return standard_output(stop);
  std::filesystem::path path = flags.destination;
  std::error_code ignored;  // a path that can't be looked at fails in the engine, with its reason
  if (path.filename().empty() || std::filesystem::is_directory(path, ignored))
    path /= base_name(object);
  return s3::ToFile{path};
}

struct Usage {
  double cpu_seconds = 0;
  std::int64_t peak_memory_bytes = 0;
};
Usage usage() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return {.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime),
          .peak_memory_bytes = static_cast<std::int64_t>(used.ru_maxrss) * 1024};
}

Json json_result(const s3::DownloadResult& result, const s3::ObjectAddress& object,
                 const s3::DownloadTarget& where, const Usage& used) {
  Json json;
  json.set("source", s3::to_s3_uri(object));
  const auto* file = std::get_if<s3::ToFile>(&where);
  json.set("destination", file ? Json(file->path.string()) : Json());
  json.set("bytes", result.bytes);
  json.set("seconds", to_seconds(result.duration));
  json.set("bytes_per_second", result.bytes_per_second());
  json.set("cpu_seconds", used.cpu_seconds);
  json.set("peak_memory_bytes", used.peak_memory_bytes);
  const Json engine = s3::to_json(result);
  for (const auto& [key, value] : engine.as_object())
    if (!json.find(key)) json.set(key, value);
  return json;
}

std::string sentence(const s3::DownloadResult& result, const s3::ObjectAddress& object,
                     const s3::DownloadTarget& where, const Usage& used) {
  const auto* file = std::get_if<s3::ToFile>(&where);
  const auto size = [](std::int64_t bytes) { return format_byte_size(static_cast<double>(bytes)); };
  return one_line(
             s3::to_s3_uri(object) +
             (file                                          ? " to " + file->path.string()
              : std::holds_alternative<s3::ToMemory>(where) ? " to memory"
                                                            : " (discarded)") +
             ": " + size(result.bytes) + " in " + format_duration(result.duration) + ", " +
             format_byte_size(result.bytes_per_second()) + "/s" +
             resumed_text(result.resumed_bytes, result.bytes) + "; " +
             (result.num_parts <= 1
                  ? "one request; "
                  : std::to_string(result.num_parts) + " parts of " +
                        size(result.config.multipart_chunksize) + " over " +
                        std::to_string(result.config.max_concurrency) + " connections; ") +
             (result.num_retries > 0 ? std::to_string(result.num_retries) + " retries; " : "") +
             (result.checksum.verified.empty() ? "not verified: " + result.checksum.note
                                               : result.checksum.verified + " verified") +
             "; " + format_duration(from_seconds(used.cpu_seconds)) + " of CPU, " +
             size(used.peak_memory_bytes) + " of memory") +
         "\n";
}

int get(const GetFlags& flags, Context& context) {
  const s3::ObjectAddress object = s3::parse_s3_uri(flags.source);
  if (object.key.empty())
    throw Error(ErrorCode::InvalidArgument, "'" + flags.source + "' names no object",
                "write s3://bucket/key");
  std::stop_source stop;
  const s3::DownloadTarget where = target(flags, object, stop.get_token());
  const s3::TransferConfig config = transfer_config(flags.transfer);
  const S3Access access = s3_access(flags.access, context);

  SignalWatch signals([&stop] { stop.request_stop(); });
  StatusLine status(context);
  TransferProgress progress;
  s3::DownloadOptions options;
  options.object = object;
  options.version_id = flags.version_id;
  options.access = object_access(flags.object);
  if (flags.range) options.range = parse_range(*flags.range);
  options.target = where;
  options.config = config;
  if (!flags.no_tuned)
    options.start = tuned_start(context, access.client.endpoint, [&](const std::string& text) {
      if (!flags.quiet) status.note(text);
    });
  options.stop = stop.get_token();
  if (context.err_is_terminal && !flags.quiet && !flags.json)
    options.progress = [&](std::int64_t done, std::optional<std::int64_t> total) {
      status.update(progress.text({.bytes_done = done,
                                   .bytes_total = total,
                                   .now = system_clock().now(),
                                   .columns = StatusLine::columns()}));
    };
  allow_many_connections();
  s3::Client client(access.client);
  const Usage before = usage();
  const s3::DownloadResult result = client.download(options);
  Usage used = usage();
  used.cpu_seconds -= before.cpu_seconds;
  status.clear();
  // Standard output is the object's.
  const bool is_piped = std::holds_alternative<s3::ToConsumer>(where);
  const Json json = flags.json ? json_result(result, object, where, used) : Json();
  if (is_piped && flags.json)
    context.err << to_json_text(json) << std::endl;
  else if (flags.json)
    write_output(context, "-", to_json_text(json, JsonStyle::Indented) + "\n");
  else if (!is_piped && !flags.quiet)
    write_output(context, "-", sentence(result, object, where, used));
  return kExitOk;
}

}  // namespace

void add_s3_get(CLI::App& s3, Context& context) {
  const auto flags = std::make_shared<GetFlags>();
  flags->to = "file";
  CLI::App& command = *s3.add_subcommand("get", "Download one object");
  command.add_option("source", flags->source, "s3://bucket/key")->required()->type_name("URI");
  command
      .add_option("destination", flags->destination,
                  "file, folder, or - for standard output; default: the key's last part, here")
      ->type_name("PATH");
  command.add_option("--to", flags->to, "file, memory or discard; default file")
      ->check(CLI::IsMember({"file", "memory", "discard"}))
      ->type_name("WHERE");
  command.add_option("--version-id", flags->version_id, "version of the object")->type_name("ID");
  command.add_flag("--json", flags->json, "print the result as JSON, effective values included");
  command.add_flag("--quiet,-q", flags->quiet, "print nothing but errors");
  command.add_flag("--no-tuned", flags->no_tuned, "begin without what s3 tune --save has kept");
  command.add_option("--range", flags->range, "bytes 0-99, 100- or -100 (the last hundred)")
      ->type_name("BYTES");
  add_s3_access_flags(command, flags->access);
  add_endpoint_ips_flag(command, flags->access);
  add_object_access_flags(command, flags->object);
  add_transfer_config_flags(command, flags->transfer);
  on_choice(command, context, flags, get);
}

}  // namespace skipjack::cli
