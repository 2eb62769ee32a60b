// skipjack methods: the table of methods, and one of them explained. Everything shown comes from
// the table itself.
#include <algorithm>
#include <memory>

#include "skipjack/cli/commands.h"
#include "skipjack/cli/terminal.h"
#include "skipjack/method/method.h"

namespace skipjack::cli {
namespace {

struct MethodsFlags {
  std::string name;
  bool json = false;
};

struct Group {
  const char* title;
  bool (*holds)(const MethodRow&);
};

/// A method belongs to the first that holds.
constexpr Group kGroups[] = {
    {"One objective, trials that run to their end:",
     [](const MethodRow& row) { return row.objectives == Objectives::One && !row.multi_fidelity; }},
    {"One objective, reports on the way count (epochs, repetitions, ...):",
     [](const MethodRow& row) {
       return row.multi_fidelity && row.objectives != Objectives::Several;
     }},
    {"Several objectives:",
     [](const MethodRow& row) { return row.objectives == Objectives::Several; }},
    {"Whatever comes out:", [](const MethodRow&) { return true; }},
};

const Group& group_of(const MethodRow& row) {
  return *std::find_if(std::begin(kGroups), std::end(kGroups),
                       [&](const Group& group) { return group.holds(row); });
}

std::string page_of(const MethodRow& row) {
  return "docs/methods/" + std::string(row.page.empty() ? row.name : row.page) + ".md";
}

std::string_view objectives_word(Objectives objectives) {
  switch (objectives) {
    case Objectives::One:
      return "one";
    case Objectives::Several:
      return "several";
    case Objectives::Whatever:
      return "any";
  }
  check_failed("a known number of objectives", __FILE__, __LINE__);
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

std::string capitalised(std::string_view text) {
  std::string result(text);
  if (!result.empty() && result[0] >= 'a' && result[0] <= 'z')
    result[0] = static_cast<char>(result[0] - 'a' + 'A');
  return result;
}

std::vector<MethodOption> options_of(const MethodRow& row) {
  std::vector<MethodOption> options = row.options;
  if (!row.multi_fidelity && row.objectives != Objectives::Several)
    options.push_back({kCapOption,
                       "ends trials that can no longer win, once they have taken this many times "
                       "what the best takes, >= 1; true, false; unset: on where the only objective "
                       "is a time (docs/capping.md)"});
  return options;
}

std::string needs_of(const MethodRow& row) {
  std::string text;
  const auto add = [&](const char* need) {
    text += (text.empty() ? "" : "; ") + std::string(need);
  };
  if (row.objectives == Objectives::One) add("one objective");
  if (row.objectives == Objectives::Several) add("at least two objectives (--objective)");
  if (row.needs_time)
    add("a time to minimise (--metric-kind time); a program that reports how far it has come");
  else if (row.multi_fidelity)
    add("a program that reports its resource (epochs, ...) on the way, 1, 2, 3, ...");
  if (row.needs_sources) add("earlier experiments to learn from (--warm-start-from)");
  if (text.empty()) add("nothing: it looks at no result");
  return text;
}

Json to_json(const MethodRow& row) {
  Json json;
  json.set("name", row.name);
  json.set("description", row.description);
  json.set("aliases", Json::Array(row.aliases.begin(), row.aliases.end()));
  json.set("objectives", objectives_word(row.objectives));
  json.set("multi_fidelity", row.multi_fidelity);
  json.set("needs_time", row.needs_time);
  json.set("transfers", row.transfers);
  json.set("needs_sources", row.needs_sources);
  Json::Array options;
  for (const MethodOption& option : options_of(row))
    options.push_back(Json::Object{{"key", option.key},
                                   {"description", option.description},
                                   {"default", option.default_value}});
  json.set("options", std::move(options));
  json.set("page", page_of(row));
  return json;
}

std::string list_text() {
  std::size_t width = 0;
  for (const MethodRow& row : methods()) width = std::max(width, row.name.size());
  std::string text;
  for (const Group& group : kGroups) {
    std::string lines;
    for (const MethodRow& row : methods())
      if (&group_of(row) == &group)
        lines += "  " + std::string(row.name) + std::string(width - row.name.size() + 2, ' ') +
                 std::string(row.description) + "\n";
    if (!lines.empty())
      text += (text.empty() ? "" : "\n") + std::string(group.title) + "\n" + lines;
  }
  return text + "\n'skipjack methods NAME' explains one.\n";
}

std::string explanation(const MethodRow& row) {
  std::string text = std::string(row.name) + ": " + std::string(row.description) + "\n\n";
  if (!row.aliases.empty()) text += "Also called  " + joined(row.aliases) + "\n";
  text += "Needs        " + needs_of(row) + "\n";
  if (row.transfers && !row.needs_sources)
    text += "Learns from  earlier experiments too (--warm-start-from)\n";
  text += "Page         " + page_of(row) + "\n";
  std::vector<std::vector<std::string>> rows{{"OPTION", "DEFAULT", "MEANING"}};
  for (const MethodOption& option : options_of(row))
    rows.push_back({std::string(option.key),
                    option.default_value.is_null() ? "-" : to_json_text(option.default_value),
                    capitalised(option.description)});
  if (rows.size() == 1) return text + "\nIt has no options.\n";
  return text + "\nOptions (--method-option NAME=VALUE):\n" + aligned(rows);
}

int show_methods(const MethodsFlags& flags, Context& context) {
  std::string text;
  if (!flags.json) {
    text = flags.name.empty() ? list_text() : explanation(find_method(flags.name));
  } else if (flags.name.empty()) {
    Json::Array all;
    for (const MethodRow& row : methods()) all.push_back(to_json(row));
    text = to_json_text(all, JsonStyle::Indented) + "\n";
  } else {
    text = to_json_text(to_json(find_method(flags.name)), JsonStyle::Indented) + "\n";
  }
  write_output(context, "-", text);
  return kExitOk;
}

}  // namespace

void add_methods(CLI::App& app, Context& context) {
  const auto flags = std::make_shared<MethodsFlags>();
  CLI::App& command =
      *app.add_subcommand("methods", "The methods that tune knows; one of them explained");
  command.add_option("name", flags->name, "of a method, or an alias")->type_name("NAME");
  command.add_flag("--json", flags->json, "for programs");
  on_choice(command, context, flags, show_methods);
}

}  // namespace skipjack::cli
