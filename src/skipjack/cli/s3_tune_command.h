// skipjack s3 tune: find the fastest configuration for an object and prove it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "skipjack/cli/context.h"
#include "skipjack/cli/s3_access.h"
#include "skipjack/journal/experiment_store.h"
#include "skipjack/study/tuning.h"

namespace skipjack::cli {

/// Adds `s3 tune`, and `s3 measure`, its trial.
void add_s3_tune(CLI::App& s3, Context& context);

/// Before `skipjack resume` of any experiment: gives keys to its trials. Throws InvalidArgument for
/// keys that nothing can be done with, and if the experiment was started with keys as arguments and
/// has now none at all.
void take_keys_of_resume(Context& context, const S3KeyFlags& flags, const std::string& name,
                         const TuningDefinition& definition);

/// `skipjack resume` of an S3 tuning: the same scheduler, and the verdict at the end. options.run
/// has signals and progress already. Returns the exit code.
int resume_s3_tune(Context& context, const ExperimentStore& store, const std::string& name,
                   const TuningDefinition& definition, const ResumeOptions& options);

}  // namespace skipjack::cli
