// The flags with which commands say how a transfer is run (boto3's TransferConfig) and what every
// request for an object says.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "skipjack/s3/object_access.h"
#include "skipjack/s3/transfer_config.h"

namespace skipjack::cli {

struct TransferConfigFlags {
  std::string config_file;
  std::string multipart_threshold, multipart_chunksize, io_chunksize, max_bandwidth, memory_limit,
      checksum, write_mode;
  std::optional<std::int64_t> max_concurrency, num_download_attempts, max_io_queue;
  bool use_threads = false, no_use_threads = false, boto3_defaults = false, resume = false,
       fsync = false, no_hedge = false;
};
/// flags must outlive the parsing.
void add_transfer_config_flags(CLI::App& command, TransferConfigFlags& flags);
/// Throws InvalidArgument, and what reading the file throws.
s3::TransferConfig transfer_config(const TransferConfigFlags& flags);

struct ObjectAccessFlags {
  bool is_requester_paying = false;
  std::string customer_key_file;
};
void add_object_access_flags(CLI::App& command, ObjectAccessFlags& flags);
/// Throws InvalidArgument for a file that holds no key.
s3::ObjectAccess object_access(const ObjectAccessFlags& flags);

}  // namespace skipjack::cli
