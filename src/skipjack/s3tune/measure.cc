// CPU seconds by getrusage, peak memory by the kernel's high-water mark of this process, which
// writing to /proc/self/clear_refs sets back before each download [proc(5)].
#include "skipjack/s3tune/measure.h"

#include <sys/resource.h>

#include <charconv>
#include <fstream>
#include <optional>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/s3/download_many.h"
#include "skipjack/s3tune/download_scratch.h"
#include "skipjack/s3tune/source.h"
#include "skipjack/s3tune/transfer_space.h"
#include "skipjack/s3tune/trial_reports.h"

namespace skipjack::s3tune {
namespace {

constexpr std::int64_t kBoto3Threshold = std::int64_t{8} << 20;

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Where the kernel does not let us, the mark stays that of the whole process.
void reset_peak_memory() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5";
}

std::int64_t peak_memory_bytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("VmHWM:")) continue;
    const std::size_t digit = line.find_first_of("0123456789");
    std::int64_t kib = 0;
    if (digit != std::string::npos)
      std::from_chars(line.data() + digit, line.data() + line.size(), kib);
    return kib * 1024;
  }
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<std::int64_t>(used.ru_maxrss) * 1024;
}

std::string text_of(const Configuration& configuration, std::string_view name) {
  const Json& value = configuration.at(name);
  return value.is_null() ? std::string() : value.as_string();
}

}  // namespace

Destination parse_destination(std::string_view text) {
  for (Destination to : {Destination::File, Destination::Memory, Destination::Discard})
    if (text == to_string(to)) return to;
  throw Error(ErrorCode::InvalidArgument,
              "to = '" + std::string(text) + "' must be file, memory or discard");
}

std::string_view to_string(Destination destination) {
  switch (destination) {
    case Destination::File:
      return "file";
    case Destination::Memory:
      return "memory";
    case Destination::Discard:
      return "discard";
  }
  SKIPJACK_CHECK(false);
}

std::vector<Parameter> to_constants(const MeasurementTarget& target, std::string_view client,
                                    int repeats) {
  return {{"client", Json(client)},
          {std::string(kRepeats), Json(repeats)},
          {"object", Json(target.object)},
          {"endpoint_url", Json(target.endpoint_url)},
          {"region", Json(target.region)},
          {"profile", Json(target.profile)},
          {"addressing_style", Json(target.addressing_style)},
          {"sign_requests", Json(target.sign_requests)},
          {"to", Json(to_string(target.to))},
          {"folder", Json(target.folder.string())},
          {"memory_limit", Json(target.memory_limit)},
          {"python", Json(target.python)},
          {"program", Json(target.program)},
          {std::string(kVerify), Json(false)}};
}

MeasurementTarget target_of(const Configuration& configuration) {
  return {.object = text_of(configuration, "object"),
          .endpoint_url = text_of(configuration, "endpoint_url"),
          .region = text_of(configuration, "region"),
          .profile = text_of(configuration, "profile"),
          .addressing_style = text_of(configuration, "addressing_style"),
          .sign_requests = configuration.at("sign_requests").as_bool(),
          .to = parse_destination(text_of(configuration, "to")),
          .folder = text_of(configuration, "folder"),
          .memory_limit = configuration.at("memory_limit").as_int(),
          .python = text_of(configuration, "python"),
          .program = configuration.find("program") ? text_of(configuration, "program") : ""};
}

s3::TransferConfig transfer_config_of(const Configuration& configuration) {
  const auto value = [&](std::string_view name) -> std::optional<std::int64_t> {
    const Json* json = configuration.find(name);
    if (!json || json->is_null()) return std::nullopt;
    return json->as_int();
  };
  s3::TransferConfig config;
  config.max_concurrency = value(kMaxConcurrency);
  config.multipart_chunksize = value(kMultipartChunksize);
  config.max_io_queue = value(kMaxIoQueue);
  config.io_chunksize = value(kIoChunksize);
  config.memory_limit = value("memory_limit");
  if (config.multipart_chunksize)
    config.multipart_threshold = std::min(*config.multipart_chunksize, kBoto3Threshold);
  return config;
}

Reports::Reports(ReportCallback report) : report_(std::move(report)) {}

void Reports::add(const MeasuredDownload& download, Json more) {
  times_.emplace_back(download.seconds);
  sum_ += download.seconds;
  const auto number = static_cast<std::int64_t>(times_.size());
  Json metrics;
  metrics.set(kMeanDownloadTime, sum_ / static_cast<double>(number));
  metrics.set(kDownloadTime, download.seconds);
  metrics.set(kDownloadTimes, times_);
  metrics.set(kBytes, download.bytes);
  metrics.set(kEtag, download.etag);
  metrics.set("bytes_per_second", static_cast<double>(download.bytes) / download.seconds);
  metrics.set(kCpuSeconds, download.cpu_seconds);
  metrics.set(kPeakMemory, download.peak_memory_bytes);
  if (!download.content.empty()) metrics.set(kContent, download.content);
  if (more.is_object())
    for (auto& [key, value] : more.as_object()) metrics.set(key, std::move(value));
  metrics.set("download", number);
  report_(metrics);
}

namespace {

/// One object, by the engine.
MeasuredDownload download_object(s3::Client& client, const MeasureOptions& options,
                                 const std::filesystem::path& scratch, Json& more) {
  s3::DownloadOptions what{
      .object = s3::parse_s3_uri(options.object), .config = options.config, .stop = options.stop};
  if (options.to == Destination::File)
    what.target = s3::ToFile{scratch / "object"};
  else if (options.to == Destination::Memory)
    what.target = s3::ToMemory{};
  reset_peak_memory();
  const double cpu_before = cpu_seconds();
  const s3::DownloadResult result = client.download(what);
  more.set("num_requests", result.num_requests);
  more.set("num_retries", result.num_retries);
  more.set("effective", to_json(result.config));
  return {.seconds = to_seconds(result.duration),
          .bytes = result.bytes,
          .etag = result.etag,
          .cpu_seconds = cpu_seconds() - cpu_before,
          .peak_memory_bytes = peak_memory_bytes()};
}

/// Everything below a prefix, by the engine, the listing included.
MeasuredDownload download_folder(s3::Client& client, const MeasureOptions& options,
                                 const std::filesystem::path& scratch) {
  const s3::ObjectAddress folder = s3::parse_s3_uri(options.object);
  ListingDigest digest;
  std::optional<Error> failed;
  s3::DownloadManyOptions what{
      .listed = s3::ListedObjects{.list = {.bucket = folder.bucket, .prefix = folder.key},
                                  .is_wanted =
                                      [&](const s3::ListedObject& object) {
                                        if (!is_file(object)) return false;
                                        digest.add(object);
                                        return true;
                                      }},
      .target = s3::IntoFolder{scratch / "object",
                               [&](const s3::ObjectAddress& object) {
                                 return object.key.substr(folder.key.size());
                               }},
      .config = options.config,
      .on_end =
          [&](const s3::ObjectEnd& end) {
            if (end.error && !failed) failed = end.error;
          },
      .stop = options.stop};
  reset_peak_memory();
  const double cpu_before = cpu_seconds();
  const s3::DownloadManyResult result = client.download_many(what);
  if (failed) throw *failed;
  return {.seconds = to_seconds(result.duration),
          .bytes = result.counts.bytes_done,
          .etag = digest.text(),
          .cpu_seconds = cpu_seconds() - cpu_before,
          .peak_memory_bytes = peak_memory_bytes()};
}

}  // namespace

void require_repeats(int repeats) {
  if (repeats < 1)
    throw Error(ErrorCode::InvalidArgument,
                "repeats = " + std::to_string(repeats) + " must be >= 1");
}

void measure_downloads(const MeasureOptions& options, const ReportCallback& report) {
  require_repeats(options.repeats);
  Reports reports(report);
  for (int download = 1; download <= options.repeats; ++download) {
    s3::Client client(options.client);
    std::optional<DownloadScratch> scratch;
    if (options.to == Destination::File) {
      scratch.emplace(options.folder);
      flush_file_system(options.folder);
    }
    const std::filesystem::path where = scratch ? scratch->path() : std::filesystem::path();
    Json more;
    MeasuredDownload measured = is_folder_uri(options.object)
                                    ? download_folder(client, options, where)
                                    : download_object(client, options, where, more);
    if (options.verify && scratch && download == options.repeats)
      measured.content = content_of(where / "object", Digest::Crc32).digest;
    scratch.reset();
    reports.add(measured, std::move(more));
  }
}

}  // namespace skipjack::s3tune
