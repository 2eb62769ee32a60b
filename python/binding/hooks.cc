// Python's turn comes after each turn of the loop, when what happened is in the journal: watchers
// see nothing that a kill could undo. Schedulers and searchers are asked in the middle of it.
#include "hooks.h"

#include <nanobind/stl/string.h>

#include "convert.h"
#include "history.h"
#include "skipjack/schedule/fifo.h"
#include "skipjack/search/searcher.h"

namespace skipjack::python {
namespace {

using namespace nb::literals;

Json optional_json(const auto& value) { return value ? Json(*value) : Json(); }
Json seconds_json(const std::optional<Duration>& value) {
  return value ? Json(to_seconds(*value)) : Json();
}

Json to_json(const Event& event) {
  Json json = skipjack::to_json(event.body);
  json.set("number", event.number);
  json.set("time", to_seconds(event.time));
  json.set("unix_time", event.unix_time);
  return json;
}

std::optional<std::int64_t> optional_int(const Json& json, const char* key) {
  const Json* value = json.find(key);
  if (!value || value->is_null()) return std::nullopt;
  return value->as_int();
}

std::optional<double> optional_double(const Json& json, const char* key) {
  const Json* value = json.find(key);
  if (!value || value->is_null()) return std::nullopt;
  return value->as_double();
}

/// {"type": "start", ...}: skipjack.schedulers writes them.
Command command_from(const Json& json, const SearchSpace& space) {
  const std::string& type = json.at("type").as_string();
  if (type == "start") {
    Start start{.configuration = space.complete(json.at("configuration")),
                .checkpoint_from = optional_int(json, "checkpoint_from"),
                .max_resource = optional_int(json, "max_resource"),
                .deadline = seconds_or_unset(optional_double(json, "deadline"))};
    if (const Json* tag = json.find("tag")) start.tag = *tag;
    return start;
  }
  if (type == "resume")
    return Resume{json.at("trial").as_int(), optional_int(json, "max_resource")};
  if (type == "pause") return Pause{json.at("trial").as_int()};
  if (type == "stop")
    return Stop{json.at("trial").as_int(), json.at("reason").as_string(),
                optional_double(json, "bound")};
  if (type == "set_deadline")
    return SetDeadline{json.at("trial").as_int(),
                       seconds_or_unset(json.at("deadline").as_double()).value()};
  if (type == "wait") return Wait{};
  if (type == "finished") return Finished{json.at("reason").as_string()};
  throw Error(ErrorCode::InvalidArgument, "a scheduler gave the unknown command '" + type + "'",
              "one of: start, resume, pause, stop, set_deadline, wait, finished");
}

class PythonScheduler final : public Scheduler {
 public:
  PythonScheduler(nb::object object, SearchSpace space, HookedRun& run)
      : object_(std::move(object)), space_(std::move(space)), run_(run) {}
  ~PythonScheduler() override {
    nb::gil_scoped_acquire acquire;
    object_.reset();
  }

  void apply(const Event& event, const History& history) override {
    nb::gil_scoped_acquire acquire;
    const LentHistory lent(history);
    run_.call([&] { object_.attr("apply")(python_from(to_json(event)), lent.object()); });
  }

  std::vector<Command> decide(const SchedulerView& view) override {
    nb::gil_scoped_acquire acquire;
    const LentHistory lent(view.history);
    Json commands = Json::Array{};
    run_.call([&] {
      commands = json_from(object_.attr("decide")(
          lent.object(), "now"_a = to_seconds(view.now), "free_workers"_a = view.free_workers,
          "starts_full"_a = view.starts_full,
          "remaining_fraction"_a = python_from(optional_json(view.remaining_fraction)),
          "remaining_time"_a = python_from(seconds_json(view.remaining_time))));
    });
    std::vector<Command> result;
    for (const Json& command : commands.as_array()) result.push_back(command_from(command, space_));
    return result;
  }

 private:
  nb::object object_;
  SearchSpace space_;
  HookedRun& run_;
};

class PythonSearcher final : public Searcher {
 public:
  PythonSearcher(nb::object object, SearchSpace space, HookedRun& run)
      : object_(std::move(object)), space_(std::move(space)), run_(run) {}
  ~PythonSearcher() override {
    nb::gil_scoped_acquire acquire;
    object_.reset();
  }

  /// A dict proposes, "wait" waits, None has nothing more.
  Suggestion suggest(const History& history, const SuggestContext& context) override {
    nb::gil_scoped_acquire acquire;
    const LentHistory lent(history);
    Json said = "wait";
    run_.call([&] {
      said = json_from(object_.attr("suggest")(
          lent.object(), "resource"_a = python_from(optional_json(context.resource)),
          "remaining_fraction"_a = python_from(optional_json(context.remaining_fraction))));
    });
    if (said.is_null()) return Exhausted{};
    if (said == Json("wait")) return WaitForResults{};
    return Proposal{.configuration = space_.complete(said)};
  }

 private:
  nb::object object_;
  SearchSpace space_;
  HookedRun& run_;
};

nb::dict turn_from(const Turn& turn) {
  nb::dict dict;
  dict["now"] = to_seconds(turn.now);
  dict["remaining_time"] = python_from(seconds_json(turn.remaining_time));
  dict["remaining_fraction"] = python_from(optional_json(turn.remaining_fraction));
  dict["num_running"] = turn.num_running;
  dict["num_queued"] = turn.num_queued;
  dict["ending_reason"] = turn.ending_reason;
  return dict;
}

}  // namespace

/// Another scheduler, whose events are kept for the watchers.
class HookedRun::Watched final : public Scheduler {
 public:
  Watched(std::unique_ptr<Scheduler> inner, HookedRun& run) : inner_(std::move(inner)), run_(run) {}
  void apply(const Event& event, const History& history) override {
    inner_->apply(event, history);
    if (event.number >= run_.first_event_) run_.undelivered_.push_back(event);
  }
  std::vector<Command> decide(const SchedulerView& view) override { return inner_->decide(view); }
  double checkpoint_worth(const Trial& trial) const override {
    return inner_->checkpoint_worth(trial);
  }
  std::optional<double> expected_of(TrialId trial) const override {
    return inner_->expected_of(trial);
  }

 private:
  std::unique_ptr<Scheduler> inner_;
  HookedRun& run_;
};

HookedRun::HookedRun(Hooks hooks, Interrupt& interrupt, double turn_interval)
    : hooks_(std::move(hooks)),
      interrupt_(interrupt),
      turn_interval_(seconds_or_unset(turn_interval).value()) {}

RunOptions HookedRun::options() {
  RunOptions run;
  run.interrupt = &interrupt_;
  run.turn_interval = turn_interval_;
  run.make_scheduler = [this](const TuningDefinition& definition) {
    return make_scheduler(definition);
  };
  run.on_turn = [this](const Turn& turn) { on_turn(turn); };
  if (!hooks_.stop_when.is_none())
    run.stop_when = [this](const Turn& turn) {
      nb::gil_scoped_acquire acquire;
      const LentHistory lent(turn.history);
      bool ends = false;
      call([&] {
        ends = nb::cast<bool>(nb::bool_(hooks_.stop_when(turn_from(turn), lent.object())));
      });
      return ends;
    };
  if (!hooks_.log.is_none())
    run.log = [this](LogLevel level, std::string_view message) {
      nb::gil_scoped_acquire acquire;
      const char* const name = level == LogLevel::Debug  ? "debug"
                               : level == LogLevel::Note ? "info"
                                                         : "warning";
      hooks_.log(name, python_from(Json(message)));
    };
  return run;
}

std::unique_ptr<Scheduler> HookedRun::make_scheduler(const TuningDefinition& definition) {
  std::unique_ptr<Scheduler> scheduler;
  nb::gil_scoped_acquire acquire;
  if (!hooks_.scheduler.is_none()) {
    scheduler = std::make_unique<PythonScheduler>(hooks_.scheduler, definition.space, *this);
  } else if (!hooks_.searcher.is_none()) {
    FifoOptions fifo{
        .searcher = std::make_unique<PythonSearcher>(hooks_.searcher, definition.space, *this)};
    if (definition.points_to_evaluate)  // else it proposes the first trial, too
      for (const Configuration& point : *definition.points_to_evaluate)
        fifo.points_to_evaluate.push_back(definition.space.complete(point));
    scheduler = make_fifo(std::move(fifo));
  } else {
    scheduler = make_method_scheduler(definition);
  }
  if (hooks_.on_events.is_none()) return scheduler;
  return std::make_unique<Watched>(std::move(scheduler), *this);
}

void HookedRun::deliver(const History& history) {
  if (undelivered_.empty()) return;
  nb::list events;
  for (const Event& event : undelivered_) events.append(python_from(to_json(event)));
  undelivered_.clear();
  const LentHistory lent(history);
  hooks_.on_events(events, lent.object());
}

void HookedRun::call(const std::function<void()>& python) {
  try {
    python();
  } catch (const nb::python_error& error) {
    if (!error.matches(PyExc_KeyboardInterrupt)) throw;
    keyboard_interrupt_ = std::current_exception();
    interrupt_.request();
  }
}

void HookedRun::on_turn(const Turn& turn) {
  nb::gil_scoped_acquire acquire;
  call([&] {
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    deliver(turn.history);
    if (hooks_.on_turn.is_none()) return;
    const LentHistory lent(turn.history);
    hooks_.on_turn(turn_from(turn), lent.object());
  });
}

void HookedRun::finish(const History& history) {
  deliver(history);
  if (keyboard_interrupt_) std::rethrow_exception(keyboard_interrupt_);
}

}  // namespace skipjack::python
