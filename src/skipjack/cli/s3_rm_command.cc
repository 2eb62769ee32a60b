// skipjack s3 rm: one object, or all below a prefix.
#include <memory>
#include <ostream>

#include "skipjack/cli/commands.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/cli/s3_filter_flags.h"
#include "skipjack/cli/signals.h"
#include "skipjack/s3/client.h"
#include "skipjack/s3/remove_many.h"

namespace skipjack::cli {
namespace {

struct RemoveFlags {
  S3AccessFlags access;
  FilterFlags filter;
  std::string source;
  bool recursive = false, dry_run = false, quiet = false, request_payer = false;
};

int remove(const RemoveFlags& flags, Context& context) {
  s3::ObjectAddress source = s3::parse_s3_uri(flags.source);
  if (!flags.recursive && (source.key.empty() || source.key.ends_with('/')))
    throw Error(ErrorCode::InvalidArgument, "'" + flags.source + "' names no object",
                "write s3://bucket/key, or add --recursive for all below it");
  if (!flags.recursive) refuse_filters(flags.filter);
  // "logs" means the folder, not "logs-2025" too.
  if (flags.recursive && !source.key.empty() && !source.key.ends_with('/')) source.key += '/';
  const s3::KeyFilter filter = key_filter(flags.filter);
  const S3Access access = s3_access(flags.access, context);
  std::stop_source stop;
  SignalWatch signals([&stop] { stop.request_stop(); });
  s3::Client client(access.client);

  const auto is_wanted = [&](const s3::ListedObject& object) {
    return filter.passes(std::string_view(object.key).substr(source.key.size()));
  };
  const auto say = [&](const s3::ObjectAddress& object, const char* how) {
    if (!flags.quiet) context.out << how << one_line(s3::to_s3_uri(object)) << "\n";
  };
  s3::ListedObjects listed{.list = {.bucket = source.bucket,
                                    .prefix = source.key,
                                    .is_requester_paying = flags.request_payer},
                           .is_wanted = is_wanted};
  if (flags.dry_run) {
    if (!flags.recursive) say(source, "(dryrun) delete: ");
    if (flags.recursive)
      client.list(
          listed.list,
          [&](const s3::ListPage& page) {
            for (const s3::ListedObject& object : page.objects)
              if (is_wanted(object)) say({source.bucket, object.key}, "(dryrun) delete: ");
            return true;
          },
          stop.get_token());
    write_output(context, "-", "");
    return kExitOk;
  }
  s3::RemoveManyOptions options{.is_requester_paying = flags.request_payer,
                                .on_end =
                                    [&](const s3::ObjectEnd& end) {
                                      if (end.error)
                                        context.err << error_line(*end.error) << std::endl;
                                      else
                                        say(end.object, "delete: ");
                                    },
                                .stop = stop.get_token()};
  if (flags.recursive)
    options.listed = listed;
  else
    options.objects = {source};
  const s3::ManyCounts counts = client.remove_many(options);
  write_output(context, "-", "");
  return counts.objects_failed == 0 ? kExitOk : kExitFailure;
}

}  // namespace

void add_s3_rm(CLI::App& s3, Context& context) {
  const auto flags = std::make_shared<RemoveFlags>();
  CLI::App& command = *s3.add_subcommand("rm", "Remove objects");
  command.add_option("source", flags->source, "s3://bucket/key")->required()->type_name("URI");
  command.add_flag("--recursive", flags->recursive, "everything below it, as below a folder");
  command.add_flag("--dryrun", flags->dry_run, "only say what would be removed");
  command.add_flag("--quiet,-q", flags->quiet, "print nothing but errors");
  command.add_flag("--request-payer", flags->request_payer, "pay for the requests")->group("S3");
  add_filter_flags(command, flags->filter);
  add_s3_access_flags(command, flags->access);
  on_choice(command, context, flags, remove);
}

}  // namespace skipjack::cli
