// Three tables: one row of experiment, one row an event, and in alive one row that is moved on
// while nothing happens (it comes with the first such moment; journals of older versions have
// none). Written ahead (WAL), so that readers and the writer don't wait for each other and a killed
// writer leaves at most a transaction that the next open drops. Before a file is opened for writing
// it is looked at through a read-only connection: what is damaged, foreign or newer stays as it is.
#include "skipjack/journal/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "skipjack/base/error.h"
#include "skipjack/base/utf8.h"
#include "skipjack/journal/database.h"

namespace skipjack {
namespace {

using journal_detail::Access;
using journal_detail::Database;
using journal_detail::Statement;

/// "SkJk": tells our files from other SQLite databases.
constexpr std::int64_t kApplicationId = 0x536b4a6b;

[[noreturn]] void corrupted(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::Corrupted, "journal " + path + " is damaged: " + why,
              "restore it from a copy, or remove the experiment");
}

std::int64_t pragma(const Database& database, const std::string& name) {
  Statement statement = database.prepare("PRAGMA " + name);
  return statement.step() ? statement.integer(0) : 0;
}

/// Throws unless this is a journal that this version can read.
void require_readable(const Database& database) {
  if (pragma(database, "application_id") != kApplicationId)
    corrupted(database.path(), "it is not a journal of Skipjack");
  const std::int64_t format = pragma(database, "user_version");
  if (format > kJournalFormat)
    throw Error(ErrorCode::Unsupported,
                "journal " + database.path() + " has format " + std::to_string(format) +
                    ", this version reads formats up to " + std::to_string(kJournalFormat),
                "use a newer version of skipjack");
  if (format < 1)
    corrupted(database.path(), "format " + std::to_string(format) + " does not exist");
}

void require_sound(const Database& database) {
  Statement check = database.prepare("PRAGMA quick_check(1)");
  if (!check.step() || check.text(0) != "ok") corrupted(database.path(), check.text(0));
}

JournalHeader read_header(const Database& database) {
  Statement row = database.prepare("SELECT format, name, definition, created FROM experiment");
  if (!row.step()) corrupted(database.path(), "it does not say which experiment it is");
  std::optional<Json> definition = try_parse_json(row.text(2));
  if (!definition) corrupted(database.path(), "the definition is not JSON");
  return JournalHeader{.format_version = static_cast<int>(row.integer(0)),
                       .name = row.text(1),
                       .definition = *std::move(definition),
                       .created = row.real(3)};
}

std::vector<Event> read_all_events(const Database& database) {
  std::vector<Event> events;
  Statement row =
      database.prepare("SELECT number, time_ns, unix_time, body FROM event ORDER BY number");
  while (row.step()) {
    Event event{.number = row.integer(0),
                .time = Duration(row.integer(1)),
                .unix_time = row.real(2),
                .body = {}};
    const std::string which = "event " + std::to_string(event.number);
    if (event.number != static_cast<std::int64_t>(events.size()))
      corrupted(database.path(), "event " + std::to_string(events.size()) + " is missing");
    if (!events.empty() && event.time < events.back().time)
      corrupted(database.path(), which + " is earlier than the one before");
    const std::optional<Json> body = try_parse_json(row.text(3));
    if (!body) corrupted(database.path(), which + " is not JSON");
    try {
      event.body = event_body_from_json(*body);
    } catch (const Error& e) {
      corrupted(database.path(), which + ": " + e.what());
    }
    events.push_back(std::move(event));
  }
  return events;
}

/// The time of the last event or of the last sign of life, whichever is later.
Duration read_running_time(const Database& database) {
  Statement event = database.prepare("SELECT coalesce(max(time_ns), 0) FROM event");
  event.step();
  std::int64_t time = event.integer(0);
  Statement table =
      database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alive'");
  if (table.step()) {
    Statement alive = database.prepare("SELECT coalesce(max(time_ns), 0) FROM alive");
    alive.step();
    time = std::max(time, alive.integer(0));
  }
  return Duration(time);
}

/// A read-only view that stays the same for its lifetime.
Database open_snapshot(const std::filesystem::path& path) {
  Database database(path, Access::ReadOnly);
  database.execute("BEGIN");
  require_readable(database);
  return database;
}

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(const std::filesystem::path& path, Durability durability)
      : database_(path, Access::ReadWrite) {
    database_.execute("PRAGMA journal_mode = WAL");
    database_.execute(durability == Durability::PowerLoss ? "PRAGMA synchronous = FULL"
                                                          : "PRAGMA synchronous = NORMAL");
    header_ = read_header(database_);
    Statement count = database_.prepare("SELECT count(*) FROM event");
    count.step();
    num_events_ = count.integer(0);
    begin_.emplace(database_.prepare("BEGIN IMMEDIATE"));
    commit_.emplace(database_.prepare("COMMIT"));
    insert_.emplace(database_.prepare(
        "INSERT INTO event (number, time_ns, unix_time, type, body) VALUES (?, ?, ?, ?, ?)"));
  }

  const JournalHeader& header() const override { return header_; }
  std::vector<Event> read_events() const override { return read_all_events(database_); }
  Duration running_time() const override { return read_running_time(database_); }

  void append(const std::vector<Event>& events) override {
    for (std::size_t i = 0; i < events.size(); ++i)
      if (events[i].number != num_events_ + static_cast<std::int64_t>(i))
        throw Error(ErrorCode::InvalidArgument,
                    "event number = " + std::to_string(events[i].number) + " must be " +
                        std::to_string(num_events_ + static_cast<std::int64_t>(i)));
    in_transaction([&] {
      Statement& insert = *insert_;
      const auto at_end = reset_at_end(insert);
      for (const Event& event : events) {
        const Json body = to_json(event.body);
        insert.bind(1, event.number);
        insert.bind(2, static_cast<std::int64_t>(event.time.count()));
        insert.bind(3, event.unix_time);
        insert.bind(4, body.at("type").as_string());
        insert.bind(5, valid_utf8(to_json_text(body)));
        insert.step();
        insert.reset();
      }
    });
    num_events_ += static_cast<std::int64_t>(events.size());
  }

  void set_definition(const Json& definition) override {
    in_transaction([&] {
      Statement update = database_.prepare("UPDATE experiment SET definition = ?");
      update.bind(1, valid_utf8(to_json_text(definition)));
      update.step();
    });
    header_.definition = definition;
  }

  std::optional<Duration> alive_interval() const override { return std::chrono::seconds(1); }

  void alive(Duration time) override {
    in_transaction([&] {
      database_.execute(
          "CREATE TABLE IF NOT EXISTS alive (id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL)");
      Statement update =
          database_.prepare("INSERT OR REPLACE INTO alive (id, time_ns) VALUES (1, ?)");
      update.bind(1, static_cast<std::int64_t>(time.count()));
      update.step();
    });
  }

 private:
  /// Also where it throws: nothing can be rolled back under a statement that has not ended.
  static std::unique_ptr<Statement, void (*)(Statement*)> reset_at_end(Statement& statement) {
    return {&statement, [](Statement* s) { s->reset(); }};
  }
  static void run(Statement& statement) {
    const auto at_end = reset_at_end(statement);
    statement.step();
  }

  template <class Work>
  void in_transaction(Work work) {
    run(*begin_);
    try {
      work();
      run(*commit_);
    } catch (...) {
      database_.roll_back();
      throw;
    }
  }

  Database database_;
  JournalHeader header_;
  std::int64_t num_events_ = 0;
  /// Prepared once: they are used every turn.
  std::optional<Statement> begin_, commit_, insert_;
};

void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw errno_error(errno, "can't open folder " + folder.string());
  ::fsync(fd);  // not every file system can; then the rename is as durable as it gets
  ::close(fd);
}

}  // namespace

void create_journal(const std::filesystem::path& path, const JournalHeader& header) {
  const std::filesystem::path temporary =
      path.string() + ".tmp." + std::to_string(static_cast<long>(::getpid()));
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  try {
    {
      const Database database(temporary, Access::Create);
      database.execute("PRAGMA journal_mode = MEMORY");
      database.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
      database.execute("PRAGMA user_version = " + std::to_string(kJournalFormat));
      database.execute(
          "BEGIN;"
          "CREATE TABLE experiment (format INTEGER NOT NULL, name TEXT NOT NULL,"
          " definition TEXT NOT NULL, created REAL NOT NULL);"
          "CREATE TABLE event (number INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL,"
          " unix_time REAL NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL)");
      Statement insert = database.prepare(
          "INSERT INTO experiment (format, name, definition, created) VALUES (?, ?, ?, ?)");
      insert.bind(1, std::int64_t{kJournalFormat});
      insert.bind(2, header.name);
      insert.bind(3, valid_utf8(to_json_text(header.definition)));
      insert.bind(4, header.created);
      insert.step();
      insert.reset();
      database.execute("COMMIT");
    }
    // Not rename(): a journal that is there already must not be replaced.
    if (::link(temporary.c_str(), path.c_str()) != 0)
      throw errno_error(errno, "can't create journal " + path.string());
  } catch (...) {
    std::filesystem::remove(temporary, ignored);
    throw;
  }
  std::filesystem::remove(temporary, ignored);
  sync_folder(path.parent_path().empty() ? "." : path.parent_path());
}

std::unique_ptr<Journal> open_journal(const std::filesystem::path& path, Durability durability) {
  {
    const Database database = open_snapshot(path);
    require_sound(database);
    read_all_events(database);
  }
  return std::make_unique<SqliteJournal>(path, durability);
}

JournalContents read_journal(const std::filesystem::path& path) {
  const Database database = open_snapshot(path);
  JournalHeader header = read_header(database);
  return JournalContents{.header = std::move(header),
                         .events = read_all_events(database),
                         .running_time = read_running_time(database)};
}

JournalHeader read_journal_header(const std::filesystem::path& path) {
  return read_header(open_snapshot(path));
}

}  // namespace skipjack
