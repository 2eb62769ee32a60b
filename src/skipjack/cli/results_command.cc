// skipjack export and plot.
#include <memory>

#include "skipjack/cli/commands.h"
#include "skipjack/cli/summary.h"
#include "skipjack/results/curve.h"
#include "skipjack/results/plot.h"
#include "skipjack/results/table.h"

namespace skipjack::cli {
namespace {

struct ExportFlags {
  std::string name, format = "csv", output;
};

int export_table(const ExportFlags& flags, Context& context) {
  const ExperimentStore store(experiments_folder(context));
  const StoredExperiment experiment = read_experiment(store, flags.name);
  const Table table = report_table(experiment.definition.space, experiment.events);
  write_output(context, flags.output,
               flags.format == "json" ? to_json_text(to_json(table), JsonStyle::Indented) + "\n"
                                      : to_csv(table));
  return kExitOk;
}

struct PlotFlags {
  std::string name, output, over = "time", metric;
  int width = PlotOptions{}.width, height = PlotOptions{}.height;
};

PlotFormat plot_format(const std::string& output) {
  const std::string extension = std::filesystem::path(output).extension().string();
  if (extension == ".svg") return PlotFormat::Svg;
  if (extension == ".png") return PlotFormat::Png;
  throw Error(ErrorCode::InvalidArgument, "--output = '" + output + "' must end in .svg or .png");
}

int plot(const PlotFlags& flags, Context& context) {
  const PlotFormat format = plot_format(flags.output);
  const ExperimentStore store(experiments_folder(context));
  const StoredExperiment experiment = read_experiment(store, flags.name);
  Comparison compared = comparison_of(experiment.definition, experiment.history);
  Metric& metric = compared.metric;
  if (!flags.metric.empty() && flags.metric != metric.name)
    metric.name = flags.metric, compared.value = {};
  const Curve curve =
      best_so_far(experiment.history, {.metric = metric,
                                       .include = comparable_trials(experiment.definition),
                                       .value = std::move(compared.value)});
  if (!flags.metric.empty() && !curve.best_value)
    throw Error(ErrorCode::NotFound,
                "no trial of '" + flags.name + "' has a value of '" + flags.metric + "'",
                command_line(context, "export " + flags.name) + " shows what there is");
  write_output(
      context, flags.output,
      render_plot(curve, {.title = flags.name,
                          .metric = metric.name,
                          .mode = metric.mode,
                          .axis = flags.over == "trials" ? PlotAxis::Trials : PlotAxis::Time,
                          .format = format,
                          .width = flags.width,
                          .height = flags.height}));
  return kExitOk;
}

}  // namespace

void add_results(CLI::App& app, Context& context) {
  const auto export_flags = std::make_shared<ExportFlags>();
  CLI::App& export_command = *app.add_subcommand("export", "The reports of all trials as a table");
  export_command.add_option("name", export_flags->name, "the experiment")
      ->required()
      ->type_name("NAME");
  export_command
      .add_option("--format", export_flags->format,
                  "csv (with Syne Tune's columns) or json; default csv")
      ->check(CLI::IsMember({"csv", "json"}))
      ->type_name("csv|json");
  export_command.add_option("--output,-o", export_flags->output, "file; default: standard output")
      ->type_name("FILE");
  on_choice(export_command, context, export_flags, export_table);

  const auto plot_flags = std::make_shared<PlotFlags>();
  CLI::App& plot_command =
      *app.add_subcommand("plot", "The best so far as a picture (needs gnuplot)");
  plot_command.add_option("name", plot_flags->name, "the experiment")
      ->required()
      ->type_name("NAME");
  plot_command.add_option("--output,-o", plot_flags->output, "file that ends in .svg or .png")
      ->required()
      ->type_name("FILE");
  plot_command.add_option("--over", plot_flags->over, "time or trials; default time")
      ->check(CLI::IsMember({"time", "trials"}))
      ->type_name("time|trials");
  plot_command.add_option("--metric", plot_flags->metric, "another metric than the tuned one")
      ->type_name("NAME");
  plot_command.add_option("--width", plot_flags->width, "pixels; default 960")->type_name("N");
  plot_command.add_option("--height", plot_flags->height, "pixels; default 540")->type_name("N");
  on_choice(plot_command, context, plot_flags, plot);
}

}  // namespace skipjack::cli
