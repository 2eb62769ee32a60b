// The measuring trial of a client that is a program of its own: it is started for each download, as
// its users start it, and the clock runs from there to its end. Same reports as measure.h.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "skipjack/s3tune/client.h"
#include "skipjack/s3tune/measure.h"

namespace skipjack::s3tune {

struct ProgramTrialOptions {
  /// Of the trial, with kRepeats and kVerify.
  Configuration configuration;
  /// To look at the object before each download, and to know the keys that the program gets.
  s3::ClientOptions access;
  /// What the program finds in its environment beside its client's own variables; "NAME=value"
  /// each.
  std::vector<std::string> environment;
  std::stop_token stop;
};

/// Throws as s3::Client and run_child do; Io, with the program's last words, if it fails; Corrupted
/// if what it wrote has another size than the object, or another number of files than the folder.
void measure_program(const ProgramTrialOptions& options, const ReportCallback& report);

}  // namespace skipjack::s3tune
