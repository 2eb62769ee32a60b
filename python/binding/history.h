// The history of an experiment as Python sees it: a copy of its own, or a view of the tuner's that
// ends with the call it was made for. Private to the binding.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "skipjack/base/error.h"
#include "skipjack/search/recommend.h"
#include "skipjack/trial/history.h"

namespace skipjack::python {

class HistoryRef {
 public:
  explicit HistoryRef(History history)
      : owned_(std::make_shared<const History>(std::move(history))), history_(owned_.get()) {}
  /// Until end() only.
  explicit HistoryRef(const History* borrowed) : history_(borrowed) {}
  void end() { history_ = nullptr; }

  const History& get() const {
    if (!history_)
      throw Error(ErrorCode::InvalidArgument,
                  "this view of the experiment has ended with the call that it was given to",
                  "keep what you need of it, not the view itself");
    return *history_;
  }

 private:
  std::shared_ptr<const History> owned_;
  const History* history_;
};

/// For the time of a call into Python: the view that it gets, ended afterwards whoever keeps it.
class LentHistory {
 public:
  explicit LentHistory(const History& history)
      : object_(nanobind::cast(HistoryRef(&history), nanobind::rv_policy::move)) {}
  ~LentHistory() { nanobind::cast<HistoryRef&>(object_).end(); }
  LentHistory(const LentHistory&) = delete;
  LentHistory& operator=(const LentHistory&) = delete;
  const nanobind::object& object() const { return object_; }

 private:
  nanobind::object object_;
};

Json to_json(const Trial& trial);
Json to_json(const Recommendation& recommendation);
/// {"name", "mode", ...}, as in a tuning's definition, or the name alone.
std::vector<Metric> metrics_from(nanobind::handle metrics);

}  // namespace skipjack::python
