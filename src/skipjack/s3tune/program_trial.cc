#include "skipjack/s3tune/program_trial.h"

#include <filesystem>

#include "skipjack/base/error.h"
#include "skipjack/base/file.h"
#include "skipjack/s3tune/child_process.h"
#include "skipjack/s3tune/download_scratch.h"
#include "skipjack/s3tune/source.h"
#include "skipjack/s3tune/trial_reports.h"

namespace skipjack::s3tune {
namespace {

s3::Credentials keys_of(const s3::ClientOptions& access, const std::stop_token& stop) {
  if (s3::is_anonymous(access)) return {};
  return access.credentials_provider ? access.credentials_provider->get(stop) : access.credentials;
}

void require_complete(const std::string& label, const Content& content, const Source& source,
                      const std::string& object) {
  if (content.bytes == source.size && content.num_files == source.num_objects) return;
  throw Error(ErrorCode::Corrupted,
              label + " wrote " + std::to_string(content.bytes) + " bytes in " +
                  std::to_string(content.num_files) + " files of " + object + ", which has " +
                  std::to_string(source.size) + " in " + std::to_string(source.num_objects));
}

}  // namespace

void measure_program(const ProgramTrialOptions& options, const ReportCallback& report) {
  const MeasurementTarget target = target_of(options.configuration);
  const Client& client = find_client(options.configuration.at("client").as_string());
  const std::int64_t repeats = options.configuration.at(kRepeats).as_int();
  require_repeats(static_cast<int>(repeats));
  const bool is_folder = is_folder_uri(target.object);
  Reports reports(report);
  for (std::int64_t download = 1; download <= repeats; ++download) {
    s3::Client looker(options.access);
    const Source source = look_at(looker, target.object);
    const DownloadScratch scratch(target.folder);
    const std::filesystem::path destination = scratch.path() / "object";
    if (is_folder) std::filesystem::create_directory(destination);
    const CommandRequest request{.target = target,
                                 .configuration = options.configuration,
                                 .keys = keys_of(options.access, options.stop),
                                 .ca_file = options.access.transport.ca_file,
                                 .destination = destination,
                                 .config_file = scratch.path() / "config"};
    const ClientCommand command = client.command(request);
    std::vector<std::string> environment = options.environment;
    for (const auto& [name, value] : command.environment) environment.push_back(name + "=" + value);
    if (!command.config_text.empty())
      write_file_atomically(request.config_file, command.config_text, FileMode::Private);
    flush_file_system(target.folder);

    const ChildResult result = run_child(
        {.words = command.words, .environment = std::move(environment), .stop = options.stop});
    if (result.exit_code != 0)
      throw Error(ErrorCode::Io, std::string(client.label) + " ended with exit code " +
                                     std::to_string(result.exit_code) + ": " +
                                     last_line(result.output));
    const bool verify = options.configuration.at(kVerify).as_bool() && download == repeats;
    const Content content = content_of(destination, verify ? Digest::Crc32 : Digest::None);
    require_complete(std::string(client.label), content, source, target.object);
    reports.add({.seconds = to_seconds(result.duration),
                 .bytes = content.bytes,
                 .etag = source.etag,
                 .cpu_seconds = result.cpu_seconds,
                 .peak_memory_bytes = result.peak_memory_bytes,
                 .content = content.digest});
  }
}

}  // namespace skipjack::s3tune
