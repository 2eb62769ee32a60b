// skipjack s3 ls: what is below a prefix, in the AWS CLI's form.
#include <array>
#include <ctime>
#include <iomanip>
#include <memory>
#include <sstream>

#include "skipjack/base/bytes.h"
#include "skipjack/cli/commands.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/signals.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/list.h"

namespace skipjack::cli {
namespace {

struct ListFlags {
  S3AccessFlags access;
  std::string source;
  bool recursive = false, human_readable = false, summarize = false, json = false,
       request_payer = false;
};

/// "2026-01-31T12:00:00.000Z" in the time of this place, "2026-01-31 13:00:00".
std::string local_time(const std::string& iso) {
  std::tm parts{};
  if (::strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return "";
  const std::time_t time = ::timegm(&parts);
  ::localtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return text.data();
}

struct Totals {
  std::int64_t objects = 0, bytes = 0, prefixes = 0;
};

std::string shown_size(std::int64_t bytes, const ListFlags& flags) {
  return flags.human_readable ? format_byte_size(static_cast<double>(bytes))
                              : std::to_string(bytes);
}

/// Behind the prefix's last slash, as the AWS CLI shows them.
std::string shown_key(const std::string& key, const std::string& prefix, const ListFlags& flags) {
  const std::size_t slash = prefix.rfind('/');
  return flags.recursive || slash == std::string::npos ? key : key.substr(slash + 1);
}

std::string lines(const s3::ListPage& page, const std::string& prefix, const ListFlags& flags) {
  constexpr int kSizeEnd = 30;  // Where the AWS CLI's sizes end, and where its PRE does.
  std::ostringstream out;
  for (const std::string& below : page.common_prefixes)
    out << std::setw(kSizeEnd) << "PRE"
        << " " << one_line(shown_key(below, prefix, flags)) << "\n";
  for (const s3::ListedObject& object : page.objects)
    out << std::left << std::setw(19) << local_time(object.last_modified) << " " << std::right
        << std::setw(10) << shown_size(object.size, flags) << " "
        << one_line(shown_key(object.key, prefix, flags)) << "\n";
  return out.str();
}

std::string json_lines(const s3::ListPage& page) {
  std::string text;
  for (const std::string& below : page.common_prefixes) {
    Json json;
    json.set("prefix", below);
    text += to_json_text(json) + "\n";
  }
  for (const s3::ListedObject& object : page.objects) {
    Json json;
    json.set("key", object.key);
    json.set("bytes", object.size);
    json.set("etag", object.etag);
    json.set("last_modified", object.last_modified);
    text += to_json_text(json) + "\n";
  }
  return text;
}

int list(const ListFlags& flags, Context& context) {
  const s3::ObjectAddress source = s3::parse_s3_uri(flags.source);
  const S3Access access = s3_access(flags.access, context);
  std::stop_source stop;
  SignalWatch signals([&stop] { stop.request_stop(); });
  s3::Client client(access.client);
  Totals totals;
  client.list(
      {.bucket = source.bucket,
       .prefix = source.key,
       .delimiter = flags.recursive ? "" : "/",
       .is_requester_paying = flags.request_payer},
      [&](const s3::ListPage& page) {
        write_output(context, "-", flags.json ? json_lines(page) : lines(page, source.key, flags));
        totals.prefixes += static_cast<std::int64_t>(page.common_prefixes.size());
        for (const s3::ListedObject& object : page.objects)
          ++totals.objects, totals.bytes += object.size;
        return true;
      },
      stop.get_token());
  if (flags.summarize && !flags.json)
    write_output(context, "-",
                 "\nTotal Objects: " + std::to_string(totals.objects) +
                     "\n   Total Size: " + shown_size(totals.bytes, flags) + "\n");
  // As the AWS CLI: nothing there is a failure, so that scripts can ask.
  return totals.objects + totals.prefixes > 0 || source.key.empty() ? kExitOk : kExitFailure;
}

}  // namespace

void add_s3_ls(CLI::App& s3, Context& context) {
  const auto flags = std::make_shared<ListFlags>();
  CLI::App& command = *s3.add_subcommand("ls", "List objects");
  command.add_option("source", flags->source, "s3://bucket or s3://bucket/prefix")
      ->required()
      ->type_name("URI");
  command.add_flag("--recursive", flags->recursive, "everything below, not only one level");
  command.add_flag("--human-readable", flags->human_readable, "sizes as 8 MiB");
  command.add_flag("--summarize", flags->summarize, "number and size of all at the end");
  command.add_flag("--json", flags->json, "one JSON object a line");
  command.add_flag("--request-payer", flags->request_payer, "pay for the requests")->group("S3");
  add_s3_access_flags(command, flags->access);
  on_choice(command, context, flags, list);
}

}  // namespace skipjack::cli
