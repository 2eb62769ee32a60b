#include "skipjack/cli/s3_transfer_flags.h"

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/json.h"
#include "skipjack/cli/s3_access.h"

namespace skipjack::cli {

void add_transfer_config_flags(CLI::App& command, TransferConfigFlags& flags) {
  const std::string group =
      "TransferConfig (sizes in bytes or as 8MiB; what is not given the engine chooses)";
  command
      .add_option("--config", flags.config_file, "JSON file with any of these; flags go before it")
      ->type_name("FILE")
      ->group(group);
  command.add_flag("--boto3-defaults", flags.boto3_defaults, "start from boto3's values")
      ->group(group);
  const auto size = [&](const char* name, std::string& field, const char* help) {
    command.add_option(name, field, help)->type_name("SIZE")->group(group);
  };
  const auto count = [&](const char* name, std::optional<std::int64_t>& field, const char* help) {
    command.add_option(name, field, help)->type_name("N")->group(group);
  };
  size("--multipart-threshold", flags.multipart_threshold, "smaller objects take one connection");
  count("--max-concurrency", flags.max_concurrency, "connections at the same time");
  size("--multipart-chunksize", flags.multipart_chunksize, "size of a part, which is one request");
  count("--num-download-attempts", flags.num_download_attempts, "attempts for each part");
  count("--max-io-queue", flags.max_io_queue, "writes outstanding");
  size("--io-chunksize", flags.io_chunksize, "size of one write");
  size("--max-bandwidth", flags.max_bandwidth, "bytes a second over all connections");
  size("--memory-limit", flags.memory_limit, "bound on the buffers");
  command
      .add_option("--checksum", flags.checksum,
                  "when_supported (verify what the server has a checksum of) or when_required")
      ->type_name("WHEN")
      ->group(group);
  command
      .add_option("--write-mode", flags.write_mode,
                  "buffered (through the page cache), direct (around it) or auto")
      ->check(CLI::IsMember({"auto", "buffered", "direct"}))
      ->type_name("MODE")
      ->group(group);
  command
      .add_flag("--resume", flags.resume,
                "go on with what an earlier call left, and leave what there is if this one breaks")
      ->group(group);
  command
      .add_flag("--fsync", flags.fsync,
                "done is what is on the disk: safe against a loss of power, too")
      ->group(group);
  command.add_flag("--no-hedge", flags.no_hedge, "ask for nothing a second time that is only late")
      ->group(group);
  command.add_flag("--use-threads", flags.use_threads, "many connections at a time")->group(group);
  command
      .add_flag("--no-use-threads", flags.no_use_threads, "part after part, over one connection")
      ->group(group)
      ->excludes("--use-threads");
}

s3::TransferConfig transfer_config(const TransferConfigFlags& flags) {
  s3::TransferConfig config;
  if (!flags.config_file.empty()) {
    const std::string text = read_file(flags.config_file);
    try {
      config = s3::transfer_config_from_json(parse_json(text));
    } catch (const Error& error) {
      throw Error(error.code(), flags.config_file + ": " + error.what(), error.try_this());
    }
  }
  if (flags.boto3_defaults) config = s3::with_boto3_defaults(config);
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
  if (flags.fsync) config.fsync = true;
  if (flags.no_hedge) config.hedge = false;
  if (!flags.checksum.empty()) config.checksum = s3::checksum_validation(flags.checksum);
  if (!flags.write_mode.empty()) config.write_mode = s3::parse_write_mode(flags.write_mode);
  s3::validate(config);
  return config;
}

void add_object_access_flags(CLI::App& command, ObjectAccessFlags& flags) {
  const std::string group = "S3";
  command
      .add_flag("--request-payer", flags.is_requester_paying,
                "pay for requests to a bucket whose owner wants it so")
      ->group(group);
  command
      .add_option("--sse-c-key-file", flags.customer_key_file,
                  "file with the 32 bytes of your own key, with which the object is encrypted")
      ->type_name("FILE")
      ->group(group);
}

s3::ObjectAccess object_access(const ObjectAccessFlags& flags) {
  s3::ObjectAccess access{.is_requester_paying = flags.is_requester_paying};
  if (flags.customer_key_file.empty()) return access;
  access.customer_key = s3::Secret(read_file(flags.customer_key_file));
  try {
    s3::access_headers(access);
  } catch (const Error& error) {
    throw Error(error.code(), flags.customer_key_file + ": " + error.what(),
                "give a file with the key's 32 bytes and nothing else");
  }
  return access;
}

}  // namespace skipjack::cli
