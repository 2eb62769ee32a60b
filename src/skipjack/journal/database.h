// SQLite behind C++ lifetimes and our errors; private to this module.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace skipjack::journal_detail {

enum class Access { ReadOnly, ReadWrite, Create };

/// One statement, prepared; columns are read after step() said that there is a row.
class Statement {
 public:
  Statement(sqlite3* database, const std::string& path, std::string_view sql);
  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view value);
  /// True if there is a row. Throws Corrupted, Io.
  bool step();
  /// Ready for the next set of values.
  void reset();
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;

 private:
  void check(int result) const;
  sqlite3* database_;
  std::string path_;
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement_;
};

class Database {
 public:
  /// Throws NotFound, PermissionDenied, Corrupted, Io, all naming path.
  Database(const std::filesystem::path& path, Access access);
  Statement prepare(std::string_view sql) const { return {database_.get(), path_, sql}; }
  void execute(const std::string& sql) const;
  /// Ends a transaction that failed, if SQLite has not done so.
  void roll_back() const noexcept;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> database_;
};

}  // namespace skipjack::journal_detail
