#include "skipjack/s3tune/steps.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

#include "skipjack/base/descriptor.h"
#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/base/spawn.h"
#include "skipjack/s3tune/trial_reports.h"
#include "skipjack/wire/report_decoder.h"

namespace skipjack::s3tune {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kConfiguration = "configuration";
constexpr std::string_view kFolder = "folder";

/// A folder that goes with it; what a killed job has left there goes first. One download a node at
/// a time, so it is nobody else's.
class NodeFolder {
 public:
  explicit NodeFolder(fs::path path) : path_(std::move(path)) {
    if (path_.empty()) return;
    std::error_code error;
    fs::remove_all(path_, error);
    if (!error) fs::create_directory(path_, error);
    if (error) throw errno_error(error.value(), "can't make the folder " + path_.string());
  }
  NodeFolder(const NodeFolder&) = delete;
  NodeFolder& operator=(const NodeFolder&) = delete;
  ~NodeFolder() {
    std::error_code ignored;  // it goes when the next job of this tuning comes to this node
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

 private:
  fs::path path_;
};

std::int64_t repeats_of(const Configuration& configuration) {
  const Json* repeats = configuration.find(kRepeats);
  return repeats && repeats->is_int() ? repeats->as_int() : 1;
}

/// The trial's, or the step's own; empty where nothing is written to files.
fs::path node_folder(const StepsOptions& options) {
  const Json* folder = options.configuration.find(kFolder);
  if (!folder || !folder->is_string() || folder->as_string().empty()) return {};
  return folder->as_string() + "-" + options.node.name;
}

/// Runs `program s3 measure file`; its reports as they come. Whether it ended well.
bool run_step(const StepsOptions& options, const fs::path& file,
              const std::function<void(const Json&)>& take) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error(errno, "can't make a pipe");
  const Descriptor output(ends[0]);
  Descriptor input(ends[1]);
  // In this process's group, so that whoever ends the trial's group ends it too.
  const pid_t pid = spawn({.words = {options.program.string(), "s3", "measure", file.string()},
                           .descriptors = {{input.get(), STDOUT_FILENO}},
                           .closed = {STDIN_FILENO},
                           .apart = SpawnOptions::Apart::No,
                           .what = options.program.string()});
  input.close();
  {
    const std::stop_callback end(options.stop, [pid] { ::kill(pid, SIGTERM); });
    ReportDecoder decoder;
    char buffer[65536];
    for (;;) {
      const ssize_t n = ::read(output.get(), buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      for (const Json& report : decoder.feed({buffer, static_cast<std::size_t>(n)})) take(report);
    }
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Json with_origin(const Json& report, const MeasuringStep& step, const Json& node) {
  Json metrics{Json::Object{}};
  for (const auto& [key, value] : report.as_object())
    if (!step.configuration || key != kMeanDownloadTime) metrics.set(key, value);
  metrics.set(kArm, step.arm);
  metrics.set(kNode, node);
  return metrics;
}

}  // namespace

Json steps_json(const std::vector<MeasuringStep>& steps) {
  Json::Array list;
  for (const MeasuringStep& step : steps) {
    Json json = Json::Object{{std::string(kArm), step.arm}};
    if (step.configuration) json.set(kConfiguration, *step.configuration);
    list.push_back(std::move(json));
  }
  return list;
}

std::vector<MeasuringStep> steps_of(const Configuration& configuration) {
  std::vector<MeasuringStep> steps;
  const Json* list = configuration.find(kSteps);
  if (!list) return steps;
  for (const Json& json : list->as_array()) {
    MeasuringStep step{.arm = json.at(kArm).as_string()};
    if (const Json* own = json.find(kConfiguration)) step.configuration = *own;
    steps.push_back(std::move(step));
  }
  return steps;
}

Configuration without_steps(const Configuration& configuration) {
  Configuration result{Json::Object{}};
  for (const auto& [name, value] : configuration.as_object())
    if (name != kSteps) result.set(name, value);
  return result;
}

std::int64_t num_downloads(const Configuration& configuration) {
  std::int64_t downloads = 0;
  for (const MeasuringStep& step : steps_of(configuration))
    downloads += repeats_of(step.configuration.value_or(configuration));
  return downloads;
}

void measure_steps(const StepsOptions& options, const ReportCallback& report) {
  const fs::path folder = node_folder(options);
  const NodeFolder for_downloads(folder);
  const Json node = to_json(options.node);
  const fs::path file = options.folder / "step.json";
  std::string failed;
  for (const MeasuringStep& step : steps_of(options.configuration)) {
    if (options.stop.stop_requested()) break;
    Configuration configuration = step.configuration.value_or(without_steps(options.configuration));
    if (!folder.empty()) configuration.set(kFolder, folder.string());
    write_file_atomically(file, to_json_text(configuration));
    bool has_reported = false;
    const bool ended_well = run_step(options, file, [&](const Json& metrics) {
      has_reported = true;
      report(with_origin(metrics, step, node));
    });
    if (!ended_well || !has_reported) failed += (failed.empty() ? "" : ", ") + step.arm;
  }
  std::error_code ignored;
  fs::remove(file, ignored);
  if (options.stop.stop_requested()) throw Error(ErrorCode::Cancelled, "the measurement was ended");
  if (!failed.empty())
    throw Error(ErrorCode::Exhausted,
                "could not be measured on node " + options.node.name + ": " + failed);
}

}  // namespace skipjack::s3tune
