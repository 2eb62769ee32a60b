#include "skipjack/method/recipe.h"

#include "skipjack/schedule/fifo.h"

namespace skipjack {

MethodOption num_init_random_option() {
  return {"num_init_random",
          "trials before the first that a model proposes, >= 1; unset: max(5, d + 1)"};
}

MethodOption allow_duplicates_option() {
  return {"allow_duplicates", "whether a measured configuration may be proposed again", false};
}

Metric only_objective(std::string_view method, const MethodOptions& o, Constraints constraints) {
  const std::vector<Metric> objectives = metrics_with(MetricRole::Objective, o.metrics);
  const std::vector<Metric> kept = metrics_with(MetricRole::Constraint, o.metrics);
  if (constraints == Constraints::Refuse && !kept.empty())
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(method) + "' can't keep a measured constraint ('" +
                    kept.front().name + "')",
                "use bayesopt, or let the trial fail where the constraint is broken");
  if (objectives.size() != 1)
    throw Error(ErrorCode::InvalidArgument, "method '" + std::string(method) +
                                                "' needs exactly one objective, got " +
                                                std::to_string(objectives.size()));
  return objectives.front();
}

std::vector<Metric> several_objectives(std::string_view method, const MethodOptions& o) {
  std::vector<Metric> objectives = metrics_with(MetricRole::Objective, o.metrics);
  if (objectives.size() < 2)
    throw Error(ErrorCode::InvalidArgument,
                "method '" + std::string(method) + "' needs at least two objectives, got " +
                    std::to_string(objectives.size()),
                "use bayesopt for one");
  return objectives;
}

std::unique_ptr<Scheduler> make_fifo_of(std::unique_ptr<Searcher> searcher,
                                        const MethodOptions& options) {
  return make_fifo(
      {.searcher = std::move(searcher), .points_to_evaluate = options.points_to_evaluate});
}

}  // namespace skipjack
