// A new experiment is built in a hidden folder and renamed to its name; removal renames it away
// first. So a folder under a name is always whole, whatever was killed when.
#include "skipjack/journal/experiment_store.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <ctime>

#include "skipjack/base/error.h"

namespace skipjack {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNameLength = 63;
constexpr const char* kJournalFile = "journal.sqlite";
constexpr const char* kLeaseFile = "lease";
constexpr const char* kNewPrefix = ".new-";
constexpr const char* kRemovedPrefix = ".removed-";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string title_of(std::string_view name) { return "experiment '" + std::string(name) + "'"; }

Error taken(const std::string& name) {
  return Error(ErrorCode::AlreadyExists, title_of(name) + " exists already",
               "choose another name, or resume or remove that one");
}

Error missing(const std::string& name, const fs::path& root) {
  return Error(ErrorCode::NotFound, "there is no " + title_of(name) + " in " + root.string(),
               "skipjack list (in Python list_experiments) shows those that are there");
}

void throw_if(const std::error_code& error, const std::string& what) {
  if (error) throw errno_error(error.value(), what);
}

/// Removes folders that killed creations and removals left behind. Best effort: another process may
/// do the same.
void sweep(const fs::path& root) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const std::string name = entry.path().filename().string();
    std::error_code ignored;
    const auto age = fs::file_time_type::clock::now() - fs::last_write_time(entry.path(), ignored);
    if (age < std::chrono::minutes(1)) continue;
    if (name.starts_with(kRemovedPrefix)) fs::remove_all(entry.path(), ignored);
    if (name.starts_with(kNewPrefix) && !lease_holder(entry.path() / kLeaseFile))
      fs::remove_all(entry.path(), ignored);
  }
}

std::string hidden_name(const char* prefix, const std::string& name) {
  return prefix + name + "-" + std::to_string(static_cast<long>(::getpid()));
}

/// Renames unless to exists, in one step.
void rename_to_new(const fs::path& from, const fs::path& to, const std::string& name) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  // Some network file systems don't know the flag; plain rename replaces nothing but an empty
  // folder.
  if (errno == EINVAL && ::rename(from.c_str(), to.c_str()) == 0) return;
  if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR) throw taken(name);
  throw errno_error(errno, "can't create folder " + to.string());
}

}  // namespace

void OpenExperiment::confirm_lease() const { lease->confirm(folder / kLeaseFile); }

std::vector<ExperimentEntry> ExperimentStore::list() const {
  std::vector<ExperimentEntry> entries;
  std::error_code error;
  if (!fs::exists(root_, error)) return entries;
  fs::directory_iterator folders(root_, error);
  throw_if(error, "can't list " + root_.string());
  for (const auto& folder : folders) {
    std::error_code ignored;
    ExperimentEntry entry{.name = folder.path().filename().string(), .folder = folder.path()};
    if (entry.name.starts_with('.') || !folder.is_directory(ignored)) continue;
    try {
      entry.header = read_journal_header(folder.path() / kJournalFile);
      entry.holder = lease_holder(folder.path() / kLeaseFile);
    } catch (const Error& e) {
      entry.problem = e.what();
    }
    entries.push_back(std::move(entry));
  }
  const auto created = [](const ExperimentEntry& e) { return e.header ? e.header->created : -1; };
  std::sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
    if (created(a) != created(b)) return created(a) > created(b);
    return a.name < b.name;
  });
  return entries;
}

OpenExperiment ExperimentStore::create(const std::string& name, const Json& definition,
                                       double unix_time, Durability durability) const {
  const fs::path final_folder = folder(name);
  std::error_code error;
  fs::create_directories(root_, error);
  throw_if(error, "can't create folder " + root_.string());
  if (fs::exists(final_folder, error)) throw taken(name);
  sweep(root_);
  const fs::path temporary = root_ / hidden_name(kNewPrefix, name);
  OpenExperiment experiment{.folder = final_folder, .lease = nullptr, .journal = nullptr};
  const bool created = fs::create_directory(temporary, error);
  throw_if(error, "can't create folder " + temporary.string());
  if (!created) throw taken(name);  // another thread of this process is at it
  try {
    experiment.lease = acquire_lease(temporary / kLeaseFile, title_of(name), lease_);
    create_journal(temporary / kJournalFile,
                   JournalHeader{.name = name, .definition = definition, .created = unix_time});
    fs::create_directory(temporary / "trials", error);
    throw_if(error, "can't create folder " + (temporary / "trials").string());
    rename_to_new(temporary, final_folder, name);
  } catch (...) {
    fs::remove_all(temporary, error);
    throw;
  }
  experiment.journal = open_journal(final_folder / kJournalFile, durability);
  return experiment;
}

OpenExperiment ExperimentStore::open(const std::string& name, Durability durability) const {
  const fs::path path = folder(name);
  std::error_code error;
  if (!fs::is_directory(path, error)) throw missing(name, root_);
  OpenExperiment experiment{.folder = path, .lease = nullptr, .journal = nullptr};
  experiment.lease = acquire_lease(path / kLeaseFile, title_of(name), lease_);
  experiment.journal = open_journal(path / kJournalFile, durability);
  return experiment;
}

JournalContents ExperimentStore::read(const std::string& name) const {
  const fs::path path = folder(name);
  std::error_code error;
  if (!fs::is_directory(path, error)) throw missing(name, root_);
  return read_journal(path / kJournalFile);
}

std::optional<LeaseHolder> ExperimentStore::holder(const std::string& name) const {
  return lease_holder(folder(name) / kLeaseFile);
}

void ExperimentStore::remove(const std::string& name) const {
  const fs::path path = folder(name);
  std::error_code error;
  if (!fs::is_directory(path, error)) throw missing(name, root_);
  const auto lease = acquire_lease(path / kLeaseFile, title_of(name), lease_);
  const fs::path doomed = root_ / hidden_name(kRemovedPrefix, name);
  fs::rename(path, doomed, error);
  throw_if(error, "can't remove " + path.string());
  fs::remove_all(doomed, error);
  throw_if(error, "can't remove all of " + doomed.string());
}

fs::path ExperimentStore::folder(const std::string& name) const {
  validate_experiment_name(name);
  return root_ / name;
}

void validate_experiment_name(std::string_view name) {
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::InvalidArgument, "experiment name '" + std::string(name) + "' " + why,
                "letters, digits and inner hyphens, at most 63 characters");
  };
  if (name.empty()) fail("is empty");
  if (name.size() > kMaxNameLength)
    fail("has " + std::to_string(name.size()) + " characters, at most 63 are allowed");
  for (const char c : name)
    if (!is_alphanumeric(c) && c != '-') fail("holds a character that is not allowed");
  if (name.front() == '-' || name.back() == '-') fail("begins or ends with a hyphen");
}

std::string default_experiment_name(std::string_view stem, double unix_time) {
  const double whole = std::floor(unix_time);
  const auto seconds = static_cast<std::time_t>(whole);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char suffix[64];
  std::snprintf(suffix, sizeof suffix, "-%04d-%02d-%02d-%02d-%02d-%02d-%03d", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>((unix_time - whole) * 1000));
  std::string base;
  for (const char c : stem)
    if (is_alphanumeric(c))
      base += c;
    else if (!base.empty() && base.back() != '-')
      base += '-';
  base.resize(std::min(base.size(), kMaxNameLength - std::string_view(suffix).size()));
  while (base.ends_with('-')) base.pop_back();
  return (base.empty() ? "tuning" : base) + suffix;
}

}  // namespace skipjack
