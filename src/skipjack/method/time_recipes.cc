// Methods for one objective that is the time which a trial takes.
#include <utility>

#include "skipjack/method/recipe.h"
#include "skipjack/schedule/capping.h"
#include "skipjack/schedule/first_looks.h"
#include "skipjack/search/bayesopt.h"

namespace skipjack {
namespace {

/// A repetition takes as long as ten or twenty looks at something new.
constexpr std::int64_t kMaxRepeats = 1;

SoFar as_so_far(const Json& value) { return so_far_from_string(value.as_string()); }

Metric time_to_minimise(const std::string& method, const MethodOptions& o) {
  Metric metric = only_objective(method, o);
  if (metric.kind == MetricKind::Time && metric.mode == Mode::Min) return metric;
  throw Error(ErrorCode::InvalidArgument,
              "method '" + method + "': metric '" + metric.name + "' is no time to minimise",
              "declare it as a time (metric_kind: time, mode: min) if it is the seconds that a "
              "trial's work takes, else use bayesopt");
}

std::unique_ptr<Scheduler> make_progress_bayesopt(const MethodOptions& o) {
  const Metric metric = time_to_minimise("progress_bayesopt", o);
  BayesOptOptions search{.space = o.space, .metric = metric, .seed = o.seed, .sources = o.sources};
  search.num_initial = option(o, "num_init_random", as_int).value_or(search.num_initial);
  search.max_repeats = static_cast<int>(option(o, "max_repeats", as_int).value_or(kMaxRepeats));
  ProgressOptions progress;
  progress.progress_attr = option(o, "progress_attr", as_string).value_or(progress.progress_attr);
  progress.max_progress = option(o, "max_progress", as_double).value_or(progress.max_progress);
  progress.so_far = option(o, "so_far", as_so_far).value_or(progress.so_far);
  progress.min_probability =
      option(o, "min_probability", as_double).value_or(progress.min_probability);
  FirstLooksOptions looks{.inner = make_fifo_of(make_bayesopt_search(std::move(search)), o),
                          .metric = metric,
                          .progress = progress};
  looks.num_looks = option(o, "num_looks", as_int).value_or(looks.num_looks);
  return make_capping({.inner = make_first_looks(std::move(looks)),
                       .space = o.space,
                       .metric = metric,
                       .progress = std::move(progress)});
}

}  // namespace

std::vector<Recipe> time_recipes() {
  const ProgressOptions defaults;
  return {
      {{.name = "progress_bayesopt",
        .description =
            "bayesopt for times: a trial whose progress shows that it won't win is ended",
        .aliases = {},
        .options = {{"progress_attr", "name of the progress in reports, a number that grows from 0",
                     defaults.progress_attr},
                    {"max_progress", "the progress at which all the work is done, > 0",
                     defaults.max_progress},
                    {"so_far",
                     "what the metric is in reports on the way: elapsed, the seconds so far; "
                     "estimate, those of the whole",
                     "elapsed"},
                    {"min_probability",
                     "of still beating the best, below which a trial is ended, in (0, 0.5]",
                     defaults.min_probability},
                    {"num_looks",
                     "trials at the start that are ended at their first report, the best of which "
                     "runs again, >= 0",
                     FirstLooksOptions().num_looks},
                    {"max_repeats", "times that a configuration is measured at most, >= 1",
                     kMaxRepeats},
                    num_init_random_option(BayesOptOptions().num_initial)},
        .transfers = true,
        .multi_fidelity = true,
        .needs_time = true},
       make_progress_bayesopt},
  };
}

}  // namespace skipjack
