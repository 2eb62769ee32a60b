// CPU seconds by getrusage, peak memory by the kernel's high-water mark of this process, which
// writing to /proc/self/clear_refs sets back before each download [proc(5)].
#include "skipjack/s3tune/measure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <system_error>

#include "skipjack/base/error.h"
#include "skipjack/s3tune/s3_scheduler.h"
#include "skipjack/s3tune/transfer_space.h"

namespace skipjack::s3tune {
namespace {

constexpr std::int64_t kBoto3Threshold = std::int64_t{8} << 20;

/// A folder for one file, of an unpredictable name, removed with what is in it.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::filesystem::path& parent) {
    std::string pattern = (parent / ".skipjack-measure-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      throw errno_error(errno, "cannot make a folder in " + parent.string());
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;  // nothing can be done about it here, and the file is removed before
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

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

/// Waits until the folder's file system has written what is dirty, so that no download pays for the
/// one before.
void flush_file_system(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw errno_error(errno, "cannot open " + folder.string());
  const int failed = ::syncfs(fd);
  const int error = errno;
  ::close(fd);
  if (failed) throw errno_error(error, "cannot flush the file system of " + folder.string());
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
          {"python", Json(target.python)}};
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
          .python = text_of(configuration, "python")};
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

void measure_downloads(const MeasureOptions& options, const ReportCallback& report) {
  if (options.repeats < 1)
    throw Error(ErrorCode::InvalidArgument,
                "repeats = " + std::to_string(options.repeats) + " must be >= 1");
  Json::Array times;
  double sum = 0;
  for (int download = 1; download <= options.repeats; ++download) {
    s3::Client client(options.client);
    std::optional<ScratchFolder> scratch;
    s3::DownloadOptions what{
        .object = options.object, .config = options.config, .stop = options.stop};
    if (options.to == Destination::File) {
      scratch.emplace(options.folder);
      flush_file_system(options.folder);
      what.target = s3::ToFile{scratch->path() / "object"};
    } else if (options.to == Destination::Memory) {
      what.target = s3::ToMemory{};
    }
    reset_peak_memory();
    const double cpu_before = cpu_seconds();
    const s3::DownloadResult result = client.download(what);
    const double cpu = cpu_seconds() - cpu_before;
    const std::int64_t memory = peak_memory_bytes();
    scratch.reset();

    const double seconds = to_seconds(result.duration);
    sum += seconds;
    times.emplace_back(seconds);
    Json metrics;
    metrics.set(kMeanDownloadTime, sum / download);
    metrics.set(kDownloadTime, seconds);
    metrics.set(kDownloadTimes, times);
    metrics.set(kBytes, result.bytes);
    metrics.set(kEtag, result.etag);
    metrics.set("bytes_per_second", result.bytes_per_second());
    metrics.set(kCpuSeconds, cpu);
    metrics.set(kPeakMemory, memory);
    metrics.set("num_requests", result.num_requests);
    metrics.set("num_retries", result.num_retries);
    metrics.set("effective", to_json(result.config));
    metrics.set("download", download);
    report(metrics);
  }
}

}  // namespace skipjack::s3tune
