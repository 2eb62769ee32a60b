#include "skipjack/cli/slurm_flags.h"

#include <iterator>

#include "skipjack/base/error.h"

namespace skipjack::cli {
namespace {

struct Flag {
  const char* flag;
  const char* key;
  bool is_number;
  const char* type_name;
  const char* help;
};
constexpr Flag kFlags[] = {
    {"--backend", "backend", false, "local|slurm",
     "where trials run: on this machine, or as jobs of a Slurm cluster (docs/slurm.md)"},
    {"--slurm-partition", "slurm_partition", false, "NAME", "of each trial's job"},
    {"--slurm-account", "slurm_account", false, "NAME", "whom the jobs are charged to"},
    {"--slurm-constraint", "slurm_constraint", false, "FEATURES",
     "features that a node must have, such as an instance type"},
    {"--slurm-cpus", "slurm_cpus", true, "N", "processors of a trial"},
    {"--slurm-memory", "slurm_memory", false, "SIZE", "memory of a trial, such as 16GiB"},
    {"--slurm-gpus", "slurm_gpus", true, "N", "GPUs of a trial; default 0"},
    {"--slurm-time", "slurm_time", false, "DURATION",
     "Slurm's limit for a trial's job; default: the partition's"},
    {"--slurm-options", "slurm_options", false, "OPTIONS",
     "further options of sbatch, such as '--qos=low --exclusive'"},
};

}  // namespace

Json number_flag(const char* flag, const std::string& text) {
  const auto json = try_parse_json(text);
  if (!json || !json->is_number())
    throw Error(ErrorCode::InvalidArgument,
                std::string(flag) + " = '" + text + "' must be a number");
  return *json;
}

void add_slurm_flags(CLI::App& command, SlurmFlags& flags) {
  flags.values.resize(std::size(kFlags));
  for (std::size_t i = 0; i < std::size(kFlags); ++i)
    command.add_option(kFlags[i].flag, flags.values[i], kFlags[i].help)
        ->type_name(kFlags[i].type_name)
        ->group("Slurm");
}

void put_slurm_keys(const SlurmFlags& flags, Json& experiment) {
  for (std::size_t i = 0; i < flags.values.size(); ++i) {
    if (!flags.values[i]) continue;
    const std::string& text = *flags.values[i];
    experiment.set(kFlags[i].key,
                   kFlags[i].is_number ? number_flag(kFlags[i].flag, text) : Json(text));
  }
}

}  // namespace skipjack::cli
