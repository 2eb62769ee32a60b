// skipjack s3 get: one object into a file, into memory or nowhere, with boto3's TransferConfig as
// flags.
#include <sys/resource.h>

#include <filesystem>
#include <memory>
#include <ostream>
#include <stop_token>

#include "skipjack/base/bytes.h"
#include "skipjack/base/file.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/signals.h"
#include "skipjack/cli/terminal.h"
#include "skipjack/s3/client.h"

namespace skipjack::cli {
namespace {

struct GetFlags {
  S3AccessFlags access;
  std::string source, destination, to, config_file, version_id;
  std::string multipart_threshold, multipart_chunksize, io_chunksize, max_bandwidth, memory_limit,
      checksum, write_mode;
  std::optional<std::int64_t> max_concurrency, num_download_attempts, max_io_queue;
  bool use_threads = false, no_use_threads = false, boto3_defaults = false, json = false,
       quiet = false, resume = false, no_hedge = false;
};

s3::TransferConfig transfer_config(const GetFlags& flags) {
  s3::TransferConfig config;
  if (flags.boto3_defaults) config = s3::boto3_defaults();
  if (!flags.config_file.empty()) {
    const std::string text = read_file(flags.config_file);
    try {
      config = s3::transfer_config_from_json(parse_json(text));
    } catch (const Error& error) {
      throw Error(error.code(), flags.config_file + ": " + error.what(), error.try_this());
    }
  }
  const auto take_size = [](const char* flag, const std::string& text,
                            std::optional<std::int64_t>& field) {
    if (!text.empty()) field = byte_size_flag(flag, text);
  };
  take_size("--multipart-threshold", flags.multipart_threshold, config.multipart_threshold);
  take_size("--multipart-chunksize", flags.multipart_chunksize, config.multipart_chunksize);
  take_size("--io-chunksize", flags.io_chunksize, config.io_chunksize);
  take_size("--max-bandwidth", flags.max_bandwidth, config.max_bandwidth);
  take_size("--memory-limit", flags.memory_limit, config.memory_limit);
  if (flags.max_concurrency) config.max_concurrency = flags.max_concurrency;
  if (flags.num_download_attempts) config.num_download_attempts = flags.num_download_attempts;
  if (flags.max_io_queue) config.max_io_queue = flags.max_io_queue;
  if (flags.use_threads) config.use_threads = true;
  if (flags.no_use_threads) config.use_threads = false;
  if (flags.resume) config.resume = true;
  if (flags.no_hedge) config.hedge = false;
  if (!flags.checksum.empty()) config.checksum = s3::checksum_validation(flags.checksum);
  if (!flags.write_mode.empty()) config.write_mode = s3::parse_write_mode(flags.write_mode);
  s3::validate(config);
  return config;
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

s3::DownloadTarget target(const GetFlags& flags, const s3::ObjectAddress& object) {
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

std::string progress_text(std::int64_t done, std::optional<std::int64_t> total, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string text;
  if (total && *total > 0) {
    const double fraction = static_cast<double>(done) / static_cast<double>(*total);
    text = bar(fraction, 30) + " " + std::to_string(static_cast<int>(100 * fraction)) + " %  " +
           format_byte_size(static_cast<double>(done)) + " of " +
           format_byte_size(static_cast<double>(*total));
    if (rate > 0)
      text +=
          ", " + format_duration(from_seconds(static_cast<double>(*total - done) / rate)) + " left";
  } else {
    text = format_byte_size(static_cast<double>(done));
  }
  return text + ", " + format_byte_size(rate) + "/s";
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
             format_byte_size(result.bytes_per_second()) + "/s; " +
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
  const s3::DownloadTarget where = target(flags, object);
  const s3::TransferConfig config = transfer_config(flags);
  const S3Access access = s3_access(flags.access, context);

  std::stop_source stop;
  SignalWatch signals([&stop] { stop.request_stop(); });
  StatusLine status(context);
  const Duration started = system_clock().now();
  s3::DownloadOptions options;
  options.object = object;
  options.version_id = flags.version_id;
  options.target = where;
  options.config = config;
  options.stop = stop.get_token();
  if (context.err_is_terminal && !flags.quiet && !flags.json)
    options.progress = [&](std::int64_t done, std::optional<std::int64_t> total) {
      status.update(progress_text(done, total, to_seconds(system_clock().now() - started)));
    };
  allow_many_connections();
  s3::Client client(access.client);
  const Usage before = usage();
  const s3::DownloadResult result = client.download(options);
  Usage used = usage();
  used.cpu_seconds -= before.cpu_seconds;
  status.clear();
  if (flags.json)
    write_output(
        context, "-",
        to_json_text(json_result(result, object, where, used), JsonStyle::Indented) + "\n");
  else if (!flags.quiet)
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
                  "file or folder; default: the key's last part, here")
      ->type_name("PATH");
  command.add_option("--to", flags->to, "file, memory or discard; default file")
      ->check(CLI::IsMember({"file", "memory", "discard"}))
      ->type_name("WHERE");
  command.add_option("--version-id", flags->version_id, "version of the object")->type_name("ID");
  command.add_flag("--json", flags->json, "print the result as JSON, effective values included");
  command.add_flag("--quiet,-q", flags->quiet, "print nothing but errors");
  add_s3_access_flags(command, flags->access);
  add_endpoint_ips_flag(command, flags->access);

  const std::string group =
      "TransferConfig (sizes in bytes or as 8MiB; what is not given the engine chooses)";
  command
      .add_option("--config", flags->config_file, "JSON file with any of these; flags go before it")
      ->type_name("FILE")
      ->group(group);
  command.add_flag("--boto3-defaults", flags->boto3_defaults, "start from boto3's values")
      ->group(group);
  const auto size = [&](const char* name, std::string& field, const char* help) {
    command.add_option(name, field, help)->type_name("SIZE")->group(group);
  };
  const auto count = [&](const char* name, std::optional<std::int64_t>& field, const char* help) {
    command.add_option(name, field, help)->type_name("N")->group(group);
  };
  size("--multipart-threshold", flags->multipart_threshold, "smaller objects take one connection");
  count("--max-concurrency", flags->max_concurrency, "connections at the same time");
  size("--multipart-chunksize", flags->multipart_chunksize,
       "size of a part, which one request asks for");
  count("--num-download-attempts", flags->num_download_attempts, "attempts for each part");
  count("--max-io-queue", flags->max_io_queue, "writes outstanding");
  size("--io-chunksize", flags->io_chunksize, "size of one write");
  size("--max-bandwidth", flags->max_bandwidth, "bytes a second over all connections");
  size("--memory-limit", flags->memory_limit, "bound on the buffers");
  command
      .add_option("--checksum", flags->checksum,
                  "when_supported (verify what the server has a checksum of) or when_required")
      ->type_name("WHEN")
      ->group(group);
  command
      .add_option("--write-mode", flags->write_mode,
                  "buffered (through the page cache), direct (around it) or auto")
      ->check(CLI::IsMember({"auto", "buffered", "direct"}))
      ->type_name("MODE")
      ->group(group);
  command
      .add_flag("--resume", flags->resume,
                "go on with what an earlier call left, and leave what there is if this one breaks")
      ->group(group);
  command
      .add_flag("--no-hedge", flags->no_hedge, "ask for nothing a second time that is only late")
      ->group(group);
  command.add_flag("--use-threads", flags->use_threads, "many connections at a time")->group(group);
  command
      .add_flag("--no-use-threads", flags->no_use_threads, "part after part, over one connection")
      ->group(group)
      ->excludes("--use-threads");
  command.callback(
      [flags, &context] { context.action = [flags, &context] { return get(*flags, context); }; });
}

}  // namespace skipjack::cli
