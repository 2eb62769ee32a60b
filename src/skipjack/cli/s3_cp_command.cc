// skipjack s3 cp: objects into files and files into objects, one or many: exact keys, patterns,
// lists, or everything below a prefix or folder.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <ostream>
#include <set>
#include <sstream>

#include "skipjack/base/bytes.h"
#include "skipjack/base/file.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/s3_filter_flags.h"
#include "skipjack/cli/s3_transfer_flags.h"
#include "skipjack/cli/signals.h"
#include "skipjack/cli/standard_streams.h"
#include "skipjack/cli/terminal.h"
#include "skipjack/cli/transfer_progress.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/download_many.h"
#include "skipjack/s3/upload_many.h"

namespace skipjack::cli {
namespace {

namespace fs = std::filesystem;

struct CopyFlags {
  S3AccessFlags access;
  ObjectAccessFlags object;
  TransferConfigFlags transfer;
  FilterFlags filter;
  std::vector<std::string> paths;
  std::string list_file, content_type = "binary/octet-stream";
  bool recursive = false, literal = false, dry_run = false, quiet = false, json = false;
};

bool is_s3(const std::string& path) { return path.starts_with("s3://"); }

std::string last_part(const std::string& key) { return key.substr(key.find_last_of('/') + 1); }

/// What the command line says, sorted out.
struct Copy {
  std::vector<std::string> sources{};
  std::string destination{};
  /// The only source is a pattern of keys.
  bool is_pattern = false;
};

/// Lines of a list are keys as they are, whatever they hold.
bool is_pattern(const Copy& copy, const CopyFlags& flags) {
  if (flags.literal || flags.recursive) return false;
  const bool is_any =
      std::any_of(copy.sources.begin(), copy.sources.end(), [](const std::string& source) {
        return is_s3(source) && source.find_first_of("*?[") != std::string::npos;
      });
  if (is_any && (copy.sources.size() > 1 || !flags.list_file.empty()))
    throw Error(ErrorCode::InvalidArgument, "a pattern must be the only source",
                "copy pattern after pattern, or add --literal if the keys hold * ? or [");
  return is_any;
}

Copy sort_out(const CopyFlags& flags) {
  Copy copy{.sources = flags.paths};
  if (copy.sources.empty())
    throw Error(ErrorCode::InvalidArgument, "no destination is given", "see skipjack s3 cp --help");
  copy.destination = copy.sources.back();
  copy.sources.pop_back();
  copy.is_pattern = is_pattern(copy, flags);
  if (!flags.recursive && !copy.is_pattern) refuse_filters(flags.filter);
  if (!flags.list_file.empty()) {
    std::istringstream lines(flags.list_file == "-"
                                 ? std::string(std::istreambuf_iterator<char>(std::cin), {})
                                 : read_file(flags.list_file));
    for (std::string line; std::getline(lines, line);)
      if (!line.empty()) copy.sources.push_back(line);
  }
  if (copy.sources.empty())
    throw Error(ErrorCode::InvalidArgument, "no source is given beside '" + copy.destination + "'",
                "write skipjack s3 cp SOURCE DESTINATION");
  const auto all = [&](bool wanted) {
    return std::all_of(copy.sources.begin(), copy.sources.end(),
                       [&](const std::string& source) { return is_s3(source) == wanted; });
  };
  if (is_s3(copy.destination) && !all(false))
    throw Error(ErrorCode::Unsupported, "objects are not copied from bucket to bucket",
                "download and upload them, or use the AWS CLI");
  if (!is_s3(copy.destination) && !all(true))
    throw Error(ErrorCode::InvalidArgument, "neither side of the copy is on S3",
                "write one of them as s3://bucket/key");
  if (copy.sources.size() > 1 && flags.recursive)
    throw Error(ErrorCode::InvalidArgument, "--recursive takes one source",
                "copy the folders one after the other");
  return copy;
}

/// What is common to both directions: progress, a line for each object, and the end.
class Report {
 public:
  Report(const CopyFlags& flags, Context& context, const char* verb)
      : flags_(flags), context_(context), verb_(verb), status_(context) {}

  void tell(const s3::ObjectEnd& end, const std::string& from, const std::string& to) {
    if (end.error) {
      status_.clear();
      context_.err << error_line(*end.error) << std::endl;
      if (failures_.size() < kMostFailures) {
        Json failure;
        failure.set("object", s3::to_s3_uri(end.object));
        failure.set("code", std::string(to_string(end.error->code())));
        failure.set("message", one_line(end.error->what()));
        failures_.push_back(failure);
      }
      first_failure_ = first_failure_.value_or(end.error->code());
      return;
    }
    if (flags_.quiet || flags_.json) return;
    status_.clear();
    context_.out << verb_ << ": " << one_line(from) << " to " << one_line(to) << "\n";
  }

  std::function<void(const s3::ManyCounts&)> progress() {
    if (!context_.err_is_terminal || flags_.quiet || flags_.json) return {};
    return [this](const s3::ManyCounts& counts) {
      const std::string objects = ", " + std::to_string(counts.objects_done) + " of " +
                                  std::to_string(counts.objects_known) +
                                  (counts.is_listing_complete ? "" : " or more") + " objects";
      TransferProgress::State state{.bytes_done = counts.bytes_done,
                                    .bytes_resumed = counts.bytes_resumed,
                                    .now = system_clock().now(),
                                    .also = objects,
                                    .columns = StatusLine::columns()};
      if (counts.is_listing_complete && counts.bytes_known > 0)
        state.bytes_total = counts.bytes_known;
      status_.update(progress_.text(state));
    };
  }

  int finish(const s3::ManyCounts& counts) {
    status_.clear();
    const double seconds = to_seconds(system_clock().now() - started_);
    const auto moved = static_cast<double>(counts.bytes_done - counts.bytes_resumed);
    const double rate = seconds > 0 ? moved / seconds : 0;
    if (flags_.json) {
      Json json;
      json.set("objects", counts.objects_done);
      json.set("failed", counts.objects_failed);
      json.set("bytes", counts.bytes_done);
      json.set("resumed_bytes", counts.bytes_resumed);
      json.set("seconds", seconds);
      json.set("bytes_per_second", rate);
      json.set("failures", Json(failures_));
      write_output(context_, "-", to_json_text(json, JsonStyle::Indented) + "\n");
    } else if (!flags_.quiet && counts.objects_known > 1) {
      write_output(
          context_, "-",
          std::to_string(counts.objects_done) + " objects, " +
              format_byte_size(static_cast<double>(counts.bytes_done)) + " in " +
              format_duration(from_seconds(seconds)) + ", " + format_byte_size(rate) + "/s" +
              resumed_text(counts.bytes_resumed, counts.bytes_done) +
              (counts.objects_failed > 0 ? "; " + std::to_string(counts.objects_failed) + " failed"
                                         : "") +
              "\n");
    } else {
      write_output(context_, "-", "");
    }
    // One object's failure is the command's; of many, that there were some.
    if (first_failure_ && counts.objects_known == 1) return exit_code(*first_failure_);
    return counts.objects_failed > 0 ? kExitFailure : kExitOk;
  }

 private:
  static constexpr std::size_t kMostFailures = 1000;
  const CopyFlags& flags_;
  Context& context_;
  const char* verb_;
  StatusLine status_;
  TransferProgress progress_;
  const Duration started_ = system_clock().now();
  Json::Array failures_;
  std::optional<ErrorCode> first_failure_;
};

// Downloads ---------------------------------------------------------------------------------------

/// Which objects, and what part of their keys the files are named by.
struct Selection {
  std::vector<s3::ObjectAddress> objects;
  std::optional<s3::ListedObjects> listed;
  /// Left out of each key; nullopt: all but its last part.
  std::optional<std::size_t> prefix_bytes{};
  /// Keys that the listing had, wanted or not.
  std::shared_ptr<std::int64_t> num_listed = std::make_shared<std::int64_t>(0);
};

Selection select(const Copy& copy, const CopyFlags& flags, const s3::KeyFilter& filter) {
  Selection selection;
  s3::ObjectAddress first = s3::parse_s3_uri(copy.sources.front());
  const auto list = [&](const std::string& prefix, std::size_t prefix_bytes,
                        const std::optional<std::string>& pattern) {
    selection.prefix_bytes = prefix_bytes;
    selection.listed = s3::ListedObjects{
        .list = {.bucket = first.bucket,
                 .prefix = prefix,
                 .is_requester_paying = flags.object.is_requester_paying},
        .is_wanted = [filter, prefix_bytes, pattern,
                      count = selection.num_listed](const s3::ListedObject& object) {
          ++*count;
          return (!pattern || s3::matches_pattern(*pattern, object.key)) &&
                 filter.passes(std::string_view(object.key).substr(prefix_bytes));
        }};
  };
  if (flags.recursive) {
    // "logs" means the folder, not "logs-2025" too.
    if (!first.key.empty() && !first.key.ends_with('/')) first.key += '/';
    list(first.key, first.key.size(), std::nullopt);
    return selection;
  }
  if (copy.is_pattern) {
    const std::string prefix(s3::literal_prefix(first.key));
    list(prefix, prefix.find_last_of('/') + 1, first.key);
    return selection;
  }
  for (const std::string& source : copy.sources) {
    selection.objects.push_back(s3::parse_s3_uri(source));
    const std::string& key = selection.objects.back().key;
    if (last_part(key).empty())
      throw Error(ErrorCode::InvalidArgument, "'" + source + "' names no object",
                  "write s3://bucket/key, or add --recursive for all below it");
  }
  return selection;
}

/// Two objects of one name would be one file.
void check_names(const Selection& selection) {
  std::set<std::string> names;
  for (const s3::ObjectAddress& object : selection.objects)
    if (!names.insert(last_part(object.key)).second)
      throw Error(ErrorCode::InvalidArgument,
                  "two objects would be the file '" + last_part(object.key) + "'",
                  "copy them into different folders");
}

int show_one(const CopyFlags& flags, Context& context, const s3::ObjectAddress& object,
             const std::pair<std::string, std::string>& from_to) {
  Report report(flags, context, is_s3(from_to.first) ? "(dryrun) download" : "(dryrun) upload");
  report.tell({.object = object}, from_to.first, from_to.second);
  return report.finish({.objects_known = 1});
}

int copy_to_output(const s3::ObjectAddress& object, const CopyFlags& flags, Context& context,
                   s3::Client& client, const std::stop_token& stop) {
  if (flags.dry_run) return show_one(flags, context, object, {s3::to_s3_uri(object), "-"});
  client.download({.object = object,
                   .access = object_access(flags.object),
                   .target = standard_output(stop),
                   .config = transfer_config(flags.transfer),
                   .stop = stop});
  return kExitOk;
}

/// The counts that a dry run has.
s3::ManyCounts show_downloads(const s3::DownloadManyOptions& options, s3::Client& client,
                              const std::function<void(const s3::ObjectEnd&)>& tell) {
  s3::ManyCounts counts;
  const auto show = [&](const s3::ObjectAddress& object) {
    ++counts.objects_known;
    tell({.object = object});
  };
  for (const s3::ObjectAddress& object : options.objects) show(object);
  if (options.listed)
    client.list(
        options.listed->list,
        [&](const s3::ListPage& page) {
          for (const s3::ListedObject& object : page.objects)
            if (options.listed->is_wanted(object)) show({options.listed->list.bucket, object.key});
          return true;
        },
        options.stop);
  return counts;
}

int download(const Copy& copy, const CopyFlags& flags, Context& context, s3::Client& client,
             const std::stop_token& stop) {
  const Selection selection = select(copy, flags, key_filter(flags.filter));
  const bool is_one = selection.objects.size() == 1 && !selection.listed;
  if (copy.destination == "-") {
    if (!is_one)
      throw Error(ErrorCode::InvalidArgument, "only one object fits on standard output",
                  "name a folder");
    return copy_to_output(selection.objects.front(), flags, context, client, stop);
  }
  check_names(selection);
  fs::path folder = copy.destination;
  std::string only_name;
  std::error_code ignored;  // what can't be looked at fails where it is used
  if (is_one && !copy.destination.ends_with('/') && !fs::is_directory(folder, ignored)) {
    only_name = folder.filename().string();
    folder = folder.has_parent_path() ? folder.parent_path() : ".";
  }
  const auto name = [&](const s3::ObjectAddress& object) {
    if (!only_name.empty()) return only_name;
    return selection.prefix_bytes ? object.key.substr(*selection.prefix_bytes)
                                  : last_part(object.key);
  };
  Report report(flags, context, flags.dry_run ? "(dryrun) download" : "download");
  const auto tell = [&](const s3::ObjectEnd& end) {
    report.tell(end, s3::to_s3_uri(end.object), (folder / name(end.object)).string());
  };
  s3::DownloadManyOptions options{.objects = selection.objects,
                                  .listed = selection.listed,
                                  .target = s3::IntoFolder{folder, name},
                                  .access = object_access(flags.object),
                                  .config = transfer_config(flags.transfer),
                                  .on_end = tell,
                                  .progress = report.progress(),
                                  .stop = stop};
  const s3::ManyCounts counts =
      flags.dry_run ? show_downloads(options, client, tell) : client.download_many(options).counts;
  if (copy.is_pattern && counts.objects_known == 0)
    throw Error(ErrorCode::NotFound, "no object matches '" + copy.sources.front() + "'",
                "check it, or add --literal if the key holds * ? or [");
  if (flags.recursive && *selection.num_listed == 0)
    throw Error(ErrorCode::NotFound, "no object lies below '" + copy.sources.front() + "'",
                "check bucket and prefix");
  return report.finish(counts);
}

// Uploads -----------------------------------------------------------------------------------------

/// All regular files below a folder, links to files among them, links to folders not.
std::vector<s3::FileToUpload> files_below(const fs::path& folder, s3::ObjectAddress where,
                                          const s3::KeyFilter& filter) {
  if (!where.key.empty() && !where.key.ends_with('/')) where.key += '/';
  std::vector<s3::FileToUpload> files;
  std::error_code error;
  auto entries = fs::recursive_directory_iterator(folder, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    std::error_code ignored;  // a dangling link is no file
    if (!entries->is_regular_file(ignored)) continue;
    const std::string name = entries->path().lexically_relative(folder).generic_string();
    if (filter.passes(name)) files.push_back({entries->path(), {where.bucket, where.key + name}});
  }
  if (error) throw errno_error(error.value(), "can't list the folder " + folder.string());
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.object.key < b.object.key; });
  return files;
}

int upload_input(const s3::ObjectAddress& object, const CopyFlags& flags, Context& context,
                 s3::Client& client, const std::stop_token& stop) {
  if (object.key.empty() || object.key.ends_with('/'))
    throw Error(ErrorCode::InvalidArgument, "'" + s3::to_s3_uri(object) + "' names no object",
                "write s3://bucket/key");
  if (flags.dry_run) return show_one(flags, context, object, {"-", s3::to_s3_uri(object)});
  client.upload({.object = object,
                 .source = standard_input(stop),
                 .content_type = flags.content_type,
                 .access = object_access(flags.object),
                 .config = transfer_config(flags.transfer),
                 .stop = stop});
  return kExitOk;
}

int upload(const Copy& copy, const CopyFlags& flags, Context& context, s3::Client& client,
           const std::stop_token& stop) {
  const s3::ObjectAddress where = s3::parse_s3_uri(copy.destination);
  if (copy.sources == std::vector<std::string>{"-"})
    return upload_input(where, flags, context, client, stop);
  std::vector<s3::FileToUpload> files;
  const bool is_folder = where.key.empty() || where.key.ends_with('/');
  if (flags.recursive) {
    files = files_below(copy.sources.front(), where, key_filter(flags.filter));
  } else {
    if (!is_folder && copy.sources.size() > 1)
      throw Error(ErrorCode::InvalidArgument,
                  "'" + copy.destination + "' is one object, and there are several files",
                  "end it with a slash");
    for (const std::string& source : copy.sources)
      files.push_back({source,
                       {where.bucket,
                        is_folder ? where.key + fs::path(source).filename().string() : where.key}});
  }
  std::map<std::string, std::string> path_of;
  for (const s3::FileToUpload& file : files)
    if (!path_of.emplace(file.object.key, file.path.string()).second)
      throw Error(ErrorCode::InvalidArgument,
                  "two files would be the object '" + s3::to_s3_uri(file.object) + "'",
                  "copy them below different prefixes");
  Report report(flags, context, flags.dry_run ? "(dryrun) upload" : "upload");
  const auto tell = [&](const s3::ObjectEnd& end) {
    report.tell(end, path_of[end.object.key], s3::to_s3_uri(end.object));
  };
  if (flags.dry_run) {
    for (const s3::FileToUpload& file : files) tell({.object = file.object});
    return report.finish({.objects_known = static_cast<std::int64_t>(files.size())});
  }
  return report.finish(client.upload_many({.files = files,
                                           .content_type = flags.content_type,
                                           .access = object_access(flags.object),
                                           .config = transfer_config(flags.transfer),
                                           .on_end = tell,
                                           .progress = report.progress(),
                                           .stop = stop}));
}

int copy(const CopyFlags& flags, Context& context) {
  const Copy what = sort_out(flags);
  const S3Access access = s3_access(flags.access, context);
  std::stop_source stop;
  SignalWatch signals([&stop] { stop.request_stop(); });
  allow_many_connections();
  s3::Client client(access.client);
  return is_s3(what.destination) ? upload(what, flags, context, client, stop.get_token())
                                 : download(what, flags, context, client, stop.get_token());
}

}  // namespace

void add_s3_cp(CLI::App& s3, Context& context) {
  const auto flags = std::make_shared<CopyFlags>();
  CLI::App& command = *s3.add_subcommand("cp", "Copy objects into files, or files into objects");
  command
      .add_option("paths", flags->paths,
                  "sources and, last, the destination; - is standard output or input; of an "
                  "object's key, * ? [] are a pattern")
      ->required()
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("PATH");
  command.add_flag("--recursive,-r", flags->recursive, "everything below the source");
  command.add_flag("--literal", flags->literal, "the key is exactly this, no pattern");
  command.add_option("--from-list", flags->list_file, "file with more sources, one a line")
      ->type_name("FILE");
  add_filter_flags(command, flags->filter);
  command.add_option("--content-type", flags->content_type, "of uploads")->type_name("TYPE");
  command.add_flag("--dryrun", flags->dry_run, "only say what would be copied");
  command.add_flag("--json", flags->json, "print a summary as JSON instead of a line an object");
  command.add_flag("--quiet,-q", flags->quiet, "print nothing but errors");
  add_s3_access_flags(command, flags->access);
  add_object_access_flags(command, flags->object);
  add_transfer_config_flags(command, flags->transfer);
  on_choice(command, context, flags, copy);
}

}  // namespace skipjack::cli
