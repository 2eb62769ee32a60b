// The trials of an experiment as a table: one row a report, with the column names that Syne Tune's
// results have, so that scripts which read those go on working. A trial that never reported gets
// one row without metrics, since a failure that no table shows is soon forgotten. CSV and JSON
// forms. Reads no file and opens no journal: events in, text out.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "skipjack/space/search_space.h"
#include "skipjack/trial/history.h"

namespace skipjack {

struct Table {
  std::vector<std::string> columns;
  /// Each as long as columns; null is an empty cell.
  std::vector<std::vector<Json>> rows;
};

/// All events of an experiment, in order, as a table. Columns, in this order:
/// - the metrics reported, in order of first appearance;
/// - st_worker_timestamp, st_worker_time, st_worker_cost, st_worker_iter, those that were reported;
/// - st_decision: CONTINUE, STOP or PAUSE, what was decided on this report;
/// - st_status: of the trial, InProgress, on its last row Completed, Stopped or Failed once it has
///   ended;
/// - trial_id;
/// - config_<name>: constants too, in the space's order;
/// - st_tuner_time: running time of the experiment in seconds;
/// - sj_attempt, sj_unix_time;
/// - sj_end: why the last attempt ended, on the trial's last row;
/// - sj_<key>: for each key of the trials' tags.
/// Where two columns would have one name, the later in this list is kept. Rows in order of time;
/// reports of an attempt that was lost and run again are left out. O(reports * columns).
Table report_table(const SearchSpace& space, std::span<const Event> events);

/// RFC 4180 quoting, UTF-8, a header line; lines end with LF as in the files of Syne Tune. Numbers
/// and truth values as Python prints them, empty cells for null, JSON text for lists and objects.
std::string to_csv(const Table& table);

/// [{"column": value, ...}, ...], one object a row, null cells left out.
Json to_json(const Table& table);

}  // namespace skipjack
