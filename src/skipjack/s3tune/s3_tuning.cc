// What is kept in TuningDefinition::extra: {"kind": "s3-download", "client", "object": {...},
// "arms": [...], "baseline_arm", "baseline_point", "start": [...], limits, "verify", "keys",
// "profile", "boto3", "program"}.
#include "skipjack/s3tune/s3_tuning.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <utility>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3tune/cluster_scheduler.h"

namespace skipjack::s3tune {
namespace {

/// Value of the key "keys", which is there only for keys that nobody keeps.
constexpr std::string_view kKeysForOneRun = "given for one run";
constexpr std::string_view kNativeClient = "native";
constexpr std::string_view kBoto3Client = "boto3";
constexpr double kDollarsPerRequest = 0.0004 / 1000;
constexpr std::int64_t kAveragePart = 8 * kMiB;
/// Left on a disk or in memory beside an object.
constexpr std::int64_t kSpareBytes = 64 * kMiB;
/// Share of the time in which bytes flow: the rest is processes, flushes and baselines that are
/// slower.
constexpr double kBusyShare = 0.8;

Configuration arm_configuration(const MeasurementTarget& target, std::string_view client,
                                std::optional<TransferPoint> point) {
  Json configuration;
  const auto set = [&](std::string_view name, std::int64_t TransferPoint::*field) {
    configuration.set(name, point ? Json((*point).*field) : Json());
  };
  set(kMaxConcurrency, &TransferPoint::max_concurrency);
  set(kMultipartChunksize, &TransferPoint::multipart_chunksize);
  set(kMaxIoQueue, &TransferPoint::max_io_queue);
  set(kIoChunksize, &TransferPoint::io_chunksize);
  for (const Parameter& constant : to_constants(target, client, 1))
    configuration.set(constant.name, std::get<Json>(constant.domain));
  return configuration;
}

/// A client that is told nothing.
Configuration own_values(const MeasurementTarget& target, std::string_view client) {
  Json configuration;
  for (const Parameter& constant : to_constants(target, client, 1))
    configuration.set(constant.name, std::get<Json>(constant.domain));
  return configuration;
}

std::vector<Arm> make_arms(const S3TuningOptions& options) {
  std::vector<Arm> arms;
  const bool is_native = options.client == kNativeClient;
  if (is_native ? options.boto3.has_value() : options.client == kBoto3Client)
    arms.push_back(
        {std::string(kBoto3Client), arm_configuration(options.target, kBoto3Client, kBoto3Point)});
  else if (!is_native)
    arms.push_back({options.client, own_values(options.target, options.client)});
  if (is_native)
    arms.push_back({"boto3-values", arm_configuration(options.target, kNativeClient, kBoto3Point)});
  arms.push_back({"auto", arm_configuration(options.target, "native", std::nullopt)});
  return arms;
}

Json optional_json(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json();
}

std::optional<std::int64_t> optional_int(const Json& json, std::string_view key) {
  const Json* value = json.find(key);
  if (!value || value->is_null()) return std::nullopt;
  return value->as_int();
}

/// MemAvailable of /proc/meminfo; nullopt where it can't be read.
std::optional<std::int64_t> available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("MemAvailable:")) continue;
    const std::size_t digit = line.find_first_of("0123456789");
    std::int64_t kib = 0;
    if (digit != std::string::npos &&
        std::from_chars(line.data() + digit, line.data() + line.size(), kib).ec == std::errc())
      return kib * 1024;
  }
  return std::nullopt;
}

std::string bytes_text(std::int64_t bytes) { return format_byte_size(static_cast<double>(bytes)); }

void validate(const S3TuningOptions& options) {
  if (options.repeats < 1 || options.repeats > 1000)
    throw Error(ErrorCode::InvalidArgument,
                "repeats = " + std::to_string(options.repeats) + " must be in [1, 1000]");
  if (!options.max_time && !options.max_trials && !options.max_bytes)
    throw Error(ErrorCode::InvalidArgument, "no end is set",
                "give --max-time, --max-trials or --max-bytes");
  if (options.max_trials && *options.max_trials < 0)
    throw Error(ErrorCode::InvalidArgument,
                "max_trials = " + std::to_string(*options.max_trials) + " must be >= 0");
  if (options.workers < 1 || (options.workers > 1 && !options.slurm))
    throw Error(ErrorCode::InvalidArgument,
                "workers = " + std::to_string(options.workers) +
                    " must be 1 on one machine: downloads side by side would be measured together",
                "more need --backend slurm");
  const Client& client = find_client(options.client);
  const std::string label(client.label);
  if (client.kind != Client::Kind::Engine && !options.client_program)
    throw Error(ErrorCode::InvalidArgument, label + " is to be tuned but was not found",
                "give its --python or --program");
  if (options.client == "boto3-crt" && !options.target.sign_requests)
    throw Error(ErrorCode::Unsupported, "boto3 uses the CRT for signed requests only",
                "give it credentials, or tune another client");
  const bool is_folder = is_folder_uri(options.target.object);
  const bool writes_files =
      is_folder || client.kind == Client::Kind::Program || options.client == "boto3-crt";
  if (writes_files && options.target.to != Destination::File)
    throw Error(
        ErrorCode::Unsupported,
        is_folder ? "a folder is downloaded into files alone" : label + " writes files alone",
        "leave out --to");
}

/// After the baseline: where the search begins.
std::vector<Configuration> start_of(const S3TuningOptions& options, const ClientSpace& space,
                                    const TransferSpaceOptions& space_options) {
  if (options.start == StartPoint::Random) return {};
  std::vector<Configuration> points;
  if (options.start == StartPoint::Midpoint) {
    const bool has_four = options.client == kNativeClient || options.client == kBoto3Client;
    const Configuration middle = space.space.midpoint();
    if (has_four)
      points = starting_points(space.space, space_options, options.start);
    else if (space.space.contains(middle))
      points.push_back(middle);
  }
  points.push_back(space.engine_like);
  return points;
}

/// What only an S3 tuning has in its definition.
Json extra_of(const S3TuningOptions& options, const Source& source, const ClientSpace& space,
              const std::vector<Configuration>& first_points) {
  Json::Array arms;
  const std::vector<Arm> rows = make_arms(options);
  for (const Arm& arm : rows)
    arms.push_back(Json(Json::Object{{"name", arm.name}, {"configuration", arm.configuration}}));
  const std::string baseline =
      options.client == kNativeClient ? std::string("boto3-values") : options.client;
  std::int64_t baseline_arm = 0;
  while (rows[static_cast<std::size_t>(baseline_arm)].name != baseline) ++baseline_arm;

  Json extra;
  extra.set("kind", kS3TuningKind);
  extra.set("client", options.client);
  extra.set("object", Json(Json::Object{{"uri", options.target.object},
                                        {"size", source.size},
                                        {"etag", source.etag},
                                        {"num_objects", source.num_objects},
                                        {"typical_size", source.typical()},
                                        {"endpoint_url", options.target.endpoint_url},
                                        {"to", to_string(options.target.to)}}));
  extra.set("arms", std::move(arms));
  extra.set("baseline_arm", baseline_arm);
  extra.set("baseline_point", space.defaults);
  extra.set("start", Json::Array(first_points.begin(), first_points.end()));
  extra.set("repeats", options.repeats);
  extra.set("max_bytes", optional_json(options.max_bytes));
  extra.set("max_search_trials", optional_json(options.max_trials));
  // The engine holds what it gets against the server's checksums by itself.
  extra.set("verify", options.client != kNativeClient && options.target.to == Destination::File);
  if (options.keys_given_for_this_run) extra.set("keys", kKeysForOneRun);
  if (options.profile)
    extra.set("profile", Json(Json::Object{{"name", options.profile->name},
                                           {"remark", options.profile->remark},
                                           {"ideal_seconds", options.profile->ideal_seconds}}));
  if (options.boto3)
    extra.set("boto3", Json(Json::Object{{"version", options.boto3->boto3_version},
                                         {"python", options.boto3->python_version},
                                         {"interpreter", options.boto3->python},
                                         {"script", options.boto3->script.string()}}));
  if (options.client_program)
    extra.set("program", Json(Json::Object{{"path", options.client_program->path},
                                           {"version", options.client_program->version}}));
  return extra;
}

}  // namespace

bool is_s3_tuning(const TuningDefinition& definition) {
  const Json* kind = definition.extra.find("kind");
  return kind && kind->is_string() && kind->as_string() == kS3TuningKind;
}

bool is_cluster_tuning(const TuningDefinition& definition) {
  return is_s3_tuning(definition) && definition.program.slurm.has_value();
}

std::string baseline_arm_of(const TuningDefinition& definition) {
  const auto index = static_cast<std::size_t>(definition.extra.at("baseline_arm").as_int());
  const Json::Array& arms = definition.extra.at("arms").as_array();
  if (index >= arms.size())
    throw Error(ErrorCode::Corrupted, "the journal names a baseline that is none of its rows");
  return arms[index].at("name").as_string();
}

bool needs_keys_again(const TuningDefinition& definition) {
  const Json* keys = is_s3_tuning(definition) ? definition.extra.find("keys") : nullptr;
  return keys && *keys == Json(kKeysForOneRun);
}

TuningDefinition define_s3_tuning(const S3TuningOptions& options, const Source& source) {
  validate(options);
  if (source.size < 1)
    throw Error(ErrorCode::InvalidArgument, options.target.object + " is empty",
                "there is nothing to tune in a download of 0 bytes");
  const Client& client = find_client(options.client);
  const TransferSpaceOptions space_options{
      .object_size = source.size,
      .num_objects = source.num_objects,
      .largest_object = source.largest(),
      .cores = options.cores,
      .memory_limit = options.target.memory_limit,
      .constants = to_constants(options.target, options.client, options.repeats)};
  const ClientSpace space =
      client.space(space_options, options.client_program.value_or(ClientProgram{}));

  TuningDefinition definition;
  definition.space = space.space;
  definition.metrics = {
      {.name = std::string(kMeanDownloadTime), .mode = Mode::Min, .kind = MetricKind::Time}};
  definition.method = options.method;
  definition.seed = options.seed;
  definition.workers = options.workers;
  definition.program.slurm = options.slurm;
  // Whatever else a person wants of the job: nobody downloads beside it.
  if (options.slurm) definition.program.slurm->extra.emplace_back("--exclusive");
  definition.stop.max_time = options.max_time;
  definition.points_to_evaluate = std::vector<Configuration>{};
  definition.program.entry_point = options.program;
  definition.program.pass_by = PassBy::Template;
  definition.program.argument_template = {"s3", "measure", "{st_config_json_filename}"};
  definition.extra = extra_of(options, source, space, start_of(options, space, space_options));
  return definition;
}

std::unique_ptr<Scheduler> make_scheduler_of(const TuningDefinition& definition) {
  if (!is_s3_tuning(definition))
    throw Error(ErrorCode::InvalidArgument, "the experiment is no tuning of an S3 download");
  const Json& extra = definition.extra;
  S3SchedulerOptions options;
  options.space = definition.space;
  options.method = definition.method;
  options.seed = definition.seed;
  options.sources = definition.sources;
  for (const Json& point : extra.at("start").as_array()) options.start.push_back(point);
  for (const Json& arm : extra.at("arms").as_array())
    options.arms.push_back({arm.at("name").as_string(), arm.at("configuration")});
  options.baseline_arm = static_cast<std::size_t>(extra.at("baseline_arm").as_int());
  options.baseline_point = extra.at("baseline_point");
  options.repeats = static_cast<int>(extra.at("repeats").as_int());
  if (const Json* verify = extra.find("verify")) options.verify = verify->as_bool();
  options.object_size = extra.at("object").at("size").as_int();
  options.etag = extra.at("object").at("etag").as_string();
  options.max_bytes = optional_int(extra, "max_bytes");
  options.max_search_trials = optional_int(extra, "max_search_trials");
  if (is_cluster_tuning(definition))
    return make_cluster_scheduler(std::move(options), definition.workers);
  return make_s3_scheduler(std::move(options));
}

CostEstimate estimate_cost(const S3TuningOptions& options, const Source& source,
                           double bytes_per_second) {
  const std::int64_t object_size = source.size;
  std::vector<double> bounds;
  if (options.max_time)
    bounds.push_back(to_seconds(*options.max_time) * options.workers * kBusyShare *
                     bytes_per_second / static_cast<double>(object_size));
  const double arms = static_cast<double>(make_arms(options).size()) + 1;
  const S3SchedulerOptions defaults;
  if (options.max_trials) {
    // On a cluster each trial has the baseline beside it, and the rows come once before the search.
    const bool is_cluster = options.slurm.has_value();
    const double baselines =
        is_cluster ? 1
                   : static_cast<double>(std::min(options.repeats, 2)) / defaults.baseline_every;
    const double first = (is_cluster ? 1 : options.repeats) + arms - 2;
    bounds.push_back(static_cast<double>(*options.max_trials) * (options.repeats + baselines) +
                     first + arms * defaults.wanted_blocks);
  }
  if (options.max_bytes)
    bounds.push_back(static_cast<double>(*options.max_bytes) / static_cast<double>(object_size));
  const double downloads = bounds.empty() ? 0 : *std::min_element(bounds.begin(), bounds.end());
  CostEstimate estimate;
  estimate.downloads = static_cast<std::int64_t>(std::ceil(std::min(downloads, 1e9)));
  const double bytes = static_cast<double>(estimate.downloads) * static_cast<double>(object_size);
  estimate.bytes = static_cast<std::int64_t>(std::min(bytes, 9e18));
  estimate.requests = estimate.downloads *
                      std::max<std::int64_t>(1, (object_size + kAveragePart - 1) / kAveragePart +
                                                    source.num_objects - 1);
  estimate.request_dollars = static_cast<double>(estimate.requests) * kDollarsPerRequest;
  return estimate;
}

std::string cost_sentence(const CostEstimate& estimate) {
  char dollars[32];
  std::snprintf(dollars, sizeof dollars, "%.4f", estimate.request_dollars);
  return "about " + std::to_string(estimate.downloads) + " downloads, " +
         bytes_text(estimate.bytes) + ", " + std::to_string(estimate.requests) + " requests ($" +
         dollars + " at S3's price for GETs; traffic out of the bucket's region costs extra)";
}

void check_room(const S3TuningOptions& options, std::int64_t object_size) {
  // On a cluster the first job downloads once for each row.
  const std::int64_t downloads = options.slurm ? std::ssize(make_arms(options)) : options.repeats;
  if (options.max_bytes && *options.max_bytes < object_size * downloads)
    throw Error(ErrorCode::InvalidArgument,
                "max_bytes = " + bytes_text(*options.max_bytes) + " must be >= " +
                    bytes_text(object_size * downloads) + ", one measurement of the baseline",
                "raise --max-bytes or lower --repeats");
  if (options.slurm) return;
  const std::int64_t needed = object_size + kSpareBytes;
  if (options.target.to == Destination::File) {
    struct statvfs room {};
    if (::statvfs(options.target.folder.c_str(), &room) != 0)
      throw errno_error(errno, "cannot look at the folder " + options.target.folder.string());
    const auto free_bytes =
        static_cast<std::int64_t>(room.f_bavail) * static_cast<std::int64_t>(room.f_frsize);
    if (free_bytes < needed)
      throw Error(ErrorCode::Io,
                  "the folder " + options.target.folder.string() + " has " +
                      bytes_text(free_bytes) + " free, a download needs " + bytes_text(needed),
                  "give another --folder, or use --to memory or --to discard");
  } else if (options.target.to == Destination::Memory) {
    const auto free_bytes = available_memory();
    if (free_bytes && *free_bytes < needed)
      throw Error(ErrorCode::Exhausted,
                  "the object needs " + bytes_text(needed) + " of memory, " +
                      bytes_text(*free_bytes) + " are available",
                  "use --to file or --to discard");
  }
}

double probe_rate(const s3::ClientOptions& client_options, const s3::ObjectAddress& object) {
  constexpr Duration kProbe = std::chrono::seconds(1);
  s3::Client client(client_options);
  std::stop_source stop;
  const Duration started = system_clock().now();
  std::int64_t seen = 0;
  Duration at{0};
  s3::DownloadOptions options{.object = object, .target = s3::Discard{}, .stop = stop.get_token()};
  options.progress = [&](std::int64_t done, std::optional<std::int64_t>) {
    seen = done;
    at = system_clock().now() - started;
    if (at >= kProbe) stop.request_stop();
  };
  try {
    const s3::DownloadResult result = client.download(options);
    return result.bytes_per_second();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Cancelled || !stop.stop_requested()) throw;
  }
  return static_cast<double>(seen) / std::max(to_seconds(at), 1e-3);
}

}  // namespace skipjack::s3tune
