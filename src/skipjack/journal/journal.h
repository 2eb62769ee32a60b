// The journal: one experiment's events in one SQLite file. Whatever is in it happened, whatever is
// not did not. Appended in transactions by the one tuner that holds the experiment's lease, read by
// anybody at any time. A journal that is damaged or of a newer format is never written to.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "skipjack/trial/event.h"

namespace skipjack {

/// Format that this version writes; it reads this one and all before.
inline constexpr int kJournalFormat = 1;

/// What append() survives once it has returned.
enum class Durability {
  Kill,       ///< the death of any process; of the machine too, save perhaps the last few turns
  PowerLoss,  ///< the death of the machine; one fsync a turn or sign of life
};

struct JournalHeader {
  int format_version = kJournalFormat;
  std::string name;
  /// What the experiment is; the journal does not look inside.
  Json definition;
  /// Seconds since the Unix epoch.
  double created = 0;
};

struct JournalContents {
  JournalHeader header;
  std::vector<Event> events;
  /// See Journal::running_time().
  Duration running_time{0};
};

/// The writer. Not thread-safe.
class Journal : public EventSink {
 public:
  virtual const JournalHeader& header() const = 0;
  /// All events in order. Throws Corrupted.
  virtual std::vector<Event> read_events() const = 0;
  /// Running time that the experiment has come to as far as is known: that of the last event or the
  /// last alive(), whichever is later. Throws Corrupted.
  virtual Duration running_time() const = 0;
  /// Numbers must go on from the last event's; InvalidArgument otherwise. Throws Io for a full
  /// disk; the journal is then as before the call.
  void append(const std::vector<Event>& events) override = 0;
  /// Replaces the header's definition, in one transaction.
  virtual void set_definition(const Json& definition) = 0;
  /// One row, updated in place: the journal does not grow by it.
  void alive(Duration time) override = 0;
  /// A second: what a kill may cost of running time.
  std::optional<Duration> alive_interval() const override = 0;
};

/// A complete journal without events, appearing under path in one step. Throws AlreadyExists, Io.
void create_journal(const std::filesystem::path& path, const JournalHeader& header);

/// For the holder of the lease. Throws NotFound, Corrupted, Unsupported (newer format: both
/// versions named), Io; the file is unchanged then.
std::unique_ptr<Journal> open_journal(const std::filesystem::path& path,
                                      Durability durability = Durability::Kill);

/// A consistent view, also while a tuner writes. Throws as open_journal does.
JournalContents read_journal(const std::filesystem::path& path);
JournalHeader read_journal_header(const std::filesystem::path& path);

}  // namespace skipjack
