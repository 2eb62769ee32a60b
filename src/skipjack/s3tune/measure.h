// The measuring trial: downloads one object some times, each time as somebody would who runs it
// once: a new client, a new file, the clock from the call until the file has its name. Files are
// removed and dirty pages flushed outside the clock. After each download comes a report with the
// single time, the running mean and what it cost. The tuner runs it in a process of its own for
// each trial. Not in here: other clients (boto3_trial.py and program_trial.h are its twins, with
// the same reports) and printing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "skipjack/s3/client.h"
#include "skipjack/space/search_space.h"

namespace skipjack::s3tune {

/// Where the bytes go.
enum class Destination { File, Memory, Discard };
/// "file", "memory", "discard"; throws InvalidArgument listing them.
Destination parse_destination(std::string_view text);
std::string_view to_string(Destination destination);

/// What all trials of a tuning have in common: the object and the way to it. Credentials are not in
/// here: a trial finds them where the tuner did.
struct MeasurementTarget {
  /// s3://bucket/key, or s3://bucket/prefix/ for everything below it.
  std::string object;
  /// Empty: AWS in the region.
  std::string endpoint_url;
  std::string region = "us-east-1";
  /// Of the AWS files; empty: the default one.
  std::string profile;
  /// "auto", "path", "virtual"
  std::string addressing_style = "auto";
  bool sign_requests = true;
  Destination to = Destination::File;
  /// Folder for downloaded files (Destination::File).
  std::filesystem::path folder;
  /// Bytes of buffers, >= 1 MiB.
  std::int64_t memory_limit = std::int64_t{1} << 30;
  /// The interpreter that has boto3.
  std::string python = "python3";
  /// The executable of a client that is a program of its own.
  std::string program{};
};
/// The target as constants of a search space, with "client" (a name of client.h) before them and
/// kRepeats, and with kVerify, false, behind them.
std::vector<Parameter> to_constants(const MeasurementTarget& target, std::string_view client,
                                    int repeats);
/// Reads back what to_constants wrote into a configuration. Throws InvalidArgument naming what is
/// missing.
MeasurementTarget target_of(const Configuration& configuration);

/// The TransferConfig that a trial's configuration stands for: parameters that are null stay unset.
/// The threshold follows the part size, so that a small part is never lost to a single GET.
s3::TransferConfig transfer_config_of(const Configuration& configuration);

struct MeasureOptions {
  s3::ClientOptions client;
  /// As MeasurementTarget::object.
  std::string object;
  s3::TransferConfig config;
  Destination to = Destination::File;
  std::filesystem::path folder;
  /// >= 1
  int repeats = 1;
  /// Reads back what the last download wrote (Destination::File), for kContent.
  bool verify = false;
  /// Ends the download that runs, with Error Cancelled; nothing is left behind.
  std::stop_token stop;
};

/// Called after each download with what to print as a trial's report: avg_download_time,
/// download_time, download_times, bytes, etag, bytes_per_second, cpu_seconds, peak_memory_bytes,
/// content (where it was read back), download (1, 2, ...); of one object also num_requests,
/// num_retries, effective. Throws as s3::Client does.
using ReportCallback = std::function<void(const Json& report)>;
void measure_downloads(const MeasureOptions& options, const ReportCallback& report);

// What all measuring trials have in common.

struct MeasuredDownload {
  double seconds = 0;
  std::int64_t bytes = 0;
  std::string etag{};
  double cpu_seconds = 0;
  std::int64_t peak_memory_bytes = 0;
  /// Content::digest; empty: not read back.
  std::string content{};
};

/// The reports of one trial, with the times so far in each.
class Reports {
 public:
  explicit Reports(ReportCallback report);
  /// more: further members of the report.
  void add(const MeasuredDownload& download, Json more = {});

 private:
  ReportCallback report_;
  Json::Array times_;
  double sum_ = 0;
};

/// Throws InvalidArgument below 1.
void require_repeats(int repeats);

}  // namespace skipjack::s3tune
