// Where the real boto3 is: the trial script that drives it and whether an interpreter has it.
// Looked at before a tuning starts, so that a missing package is an answer and not a failed trial.
#pragma once

#include <filesystem>
#include <string>

#include "skipjack/s3tune/client.h"

namespace skipjack::s3tune {

struct Boto3 {
  /// The trial script, absolute.
  std::filesystem::path script;
  std::string python;
  std::string boto3_version;
  std::string python_version;
  /// Of awscrt; empty: there is none, or boto3 is too old to configure it.
  std::string crt_version{};
};

/// The trial script, found from the running executable as find_boto3 does. Throws NotFound.
std::filesystem::path boto3_trial_script(const std::filesystem::path& program);

/// program: the running executable; the script lies in ../share/skipjack from it, where it was
/// installed, or in the source tree. Throws NotFound naming the interpreter or the script and what
/// to try.
Boto3 find_boto3(const std::string& python, const std::filesystem::path& program);

/// Throws NotFound if boto3-crt can't be tuned.
void require_crt(const Boto3& boto3);

}  // namespace skipjack::s3tune
