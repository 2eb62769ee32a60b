// Every SQLite result code is turned into an Error here and nowhere else.
#include "skipjack/journal/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>

#include "skipjack/base/error.h"

namespace skipjack::journal_detail {
namespace {

/// How long to wait for another connection's transaction.
constexpr int kBusyMilliseconds = 10'000;

[[noreturn]] void throw_error(sqlite3* database, int result, const std::string& path) {
  const std::string why = database ? sqlite3_errmsg(database) : sqlite3_errstr(result);
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Error(ErrorCode::Corrupted, "journal " + path + " is damaged: " + why,
                  "restore it from a copy, or remove the experiment");
    case SQLITE_FULL:
      throw Error(ErrorCode::Io, "can't write journal " + path + ": the disk is full",
                  "free some space and resume the experiment; nothing committed is lost");
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      throw Error(ErrorCode::PermissionDenied, "can't write journal " + path + ": " + why);
    case SQLITE_CANTOPEN: {
      const int system = database ? sqlite3_system_errno(database) : 0;
      if (system != 0) throw errno_error(system, "can't open journal " + path);
      throw Error(ErrorCode::Io, "can't open journal " + path + ": " + why);
    }
    case SQLITE_IOERR: {
      const int system = database ? sqlite3_system_errno(database) : 0;
      const std::string what = "can't read or write journal " + path;
      if (system != 0) throw Error(ErrorCode::Io, errno_error(system, what).what());
      throw Error(ErrorCode::Io, what + ": " + why);
    }
    default:
      throw Error(ErrorCode::Io, "journal " + path + ": " + why);
  }
}

/// Whether a reader would have to make the files beside the database that its users share, and may
/// not: one who may read another's experiment, at rest, and no more. Then there is nothing beside
/// it that it could miss.
bool is_at_rest_and_not_ours(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK, AT_EACCESS) == 0) return false;
  std::error_code ignored;
  return !std::filesystem::exists(path.string() + "-wal", ignored) &&
         !std::filesystem::exists(path.string() + "-shm", ignored);
}

/// As SQLite takes it for a file that nobody changes. If its owner goes on with it during the read,
/// what is read may be called damaged, or lack the newest; from then on the files beside it are
/// there.
std::string unchanging(const std::filesystem::path& path) {
  static constexpr char kDigits[] = "0123456789abcdef";
  // With an empty authority, or a path that begins with "//" would be read as one.
  std::string uri = "file://";
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c != '%' && c != '?' && c != '#') {
      uri += c;
      continue;
    }
    uri += {'%', kDigits[c >> 4], kDigits[c & 0xf]};
  }
  return uri + "?immutable=1";
}

}  // namespace

Statement::Statement(sqlite3* database, const std::string& path, std::string_view sql)
    : database_(database), path_(path), statement_(nullptr, &sqlite3_finalize) {
  sqlite3_stmt* statement = nullptr;
  check(
      sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, nullptr));
  statement_.reset(statement);
}

void Statement::check(int result) const {
  if (result != SQLITE_OK && result != SQLITE_ROW && result != SQLITE_DONE)
    throw_error(database_, result, path_);
}

void Statement::bind(int index, std::int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), index, value));
}
void Statement::bind(int index, double value) {
  check(sqlite3_bind_double(statement_.get(), index, value));
}
void Statement::bind(int index, std::string_view value) {
  check(sqlite3_bind_text64(statement_.get(), index, value.data(), value.size(), SQLITE_TRANSIENT,
                            SQLITE_UTF8));
}

bool Statement::step() {
  const int result = sqlite3_step(statement_.get());
  check(result);
  return result == SQLITE_ROW;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}
double Statement::real(int column) const { return sqlite3_column_double(statement_.get(), column); }
std::string Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return text ? std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size))
              : std::string();
}

Database::Database(const std::filesystem::path& path, Access access)
    : path_(path.string()), database_(nullptr, &sqlite3_close) {
  std::error_code ignored;
  if (access != Access::Create && !std::filesystem::exists(path, ignored))
    throw Error(ErrorCode::NotFound, "there is no journal " + path_);
  const int flags = access == Access::ReadOnly    ? SQLITE_OPEN_READONLY
                    : access == Access::ReadWrite ? SQLITE_OPEN_READWRITE
                                                  : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* database = nullptr;
  const bool is_unchanging = access == Access::ReadOnly && is_at_rest_and_not_ours(path);
  const int result =
      sqlite3_open_v2(is_unchanging ? unchanging(path).c_str() : path_.c_str(), &database,
                      flags | (is_unchanging ? SQLITE_OPEN_URI : 0), nullptr);
  database_.reset(database);
  if (result != SQLITE_OK) throw_error(database, result, path_);
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyMilliseconds);
}

void Database::execute(const std::string& sql) const {
  const int result = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) throw_error(database_.get(), result, path_);
}

void Database::roll_back() const noexcept {
  if (!sqlite3_get_autocommit(database_.get()))
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace skipjack::journal_detail
