// The group `skipjack s3`.
#include "skipjack/cli/commands.h"
#include "skipjack/cli/s3_tune_command.h"

namespace skipjack::cli {

void add_s3(CLI::App& app, Context& context) {
  CLI::App& s3 = *app.add_subcommand("s3", "Copy from and to S3, tune downloads, serve like S3");
  s3.require_subcommand(1);
  s3.fallthrough();
  add_s3_get(s3, context);
  add_s3_put(s3, context);
  add_s3_cp(s3, context);
  add_s3_ls(s3, context);
  add_s3_rm(s3, context);
  add_s3_tune(s3, context);
  add_s3_sim(s3, context);
}

}  // namespace skipjack::cli
