#include "skipjack/backend/slurm_script.h"

#include <charconv>
#include <sstream>

#include "skipjack/base/json.h"
#include "skipjack/base/shell.h"

namespace skipjack {
namespace {

std::string seconds(Duration duration) { return shortest_decimal(to_seconds(duration)); }

constexpr std::pair<ScriptCause, std::string_view> kCauses[] = {
    {ScriptCause::Exited, "exited"},
    {ScriptCause::Asked, "asked"},
    {ScriptCause::TimeLimit, "time-limit"},
    {ScriptCause::Signalled, "signalled"}};

/// The part that is the same for all attempts. 97: this node doesn't see the folder; 99: the
/// attempt has run, or is not to run any more.
constexpr std::string_view kBegin = R"bash(
[ -f "$state" ] || exit 97
mkdir "$run" 2>/dev/null || exit 99
say() { printf '%s\n' "$*" >>"$state"; }
say began "${SLURMD_NODENAME:-$(hostname)}" "$(date +%s)"
)bash";

constexpr std::string_view kEnd = R"bash(
program=$!
cause=exited
to_program() { kill -"$1" -- "-$program" 2>/dev/null; }
end_program() {
  [ "$cause" = exited ] || return
  cause=$1
  to_program TERM
  to_program CONT
  { sleep "$grace"; to_program KILL; } &
  killer=$!
}
trap 'end_program asked' USR1
trap 'end_program time-limit' USR2
trap '[ "$cause" = exited ] && cause=signalled' TERM
if [ -n "$limit" ]; then
  { sleep "$limit"; kill -USR2 $$; } &
  watch=$!
fi
# What wait itself returns is of no use once signals come in between.
while kill -0 "$program" 2>/dev/null; do wait "$program"; done
status=$(cat "$run/status" 2>/dev/null) || status=137
# A TERM of Slurm's that ended the program may reach this shell a little later.
sleep 0.05
# What the program left behind in its group.
if to_program TERM; then
  for ((i = 0; i < 20; i++)); do kill -0 -- "-$program" 2>/dev/null || break; sleep 0.05; done
  to_program KILL
fi
for timer in $watch $killer; do kill -KILL -- "-$timer" 2>/dev/null; done
say end "$cause" "$status" "$(stat -c %s "$output")" "$(stat -c %s "$error")"
exit "$status"
)bash";

}  // namespace

AttemptFiles::AttemptFiles(const std::filesystem::path& trial_folder, int attempt) {
  const std::string stem = "attempt-" + std::to_string(attempt);
  script = trial_folder / (stem + ".sh");
  state = trial_folder / (stem + ".state");
  output = trial_folder / (stem + ".out");
  error = trial_folder / (stem + ".err");
  run = trial_folder / (stem + ".run");
}

std::string script_text(const JobScript& script, const AttemptFiles& files) {
  std::string text = "#!/bin/bash\n";
  const auto set = [&](const char* name, std::string_view value) {
    text += std::string(name) + "=" + shell_quoted(value) + "\n";
  };
  set("state", files.state.string());
  set("run", files.run.string());
  set("output", files.output.string());
  set("error", files.error.string());
  set("grace", seconds(script.grace));
  set("limit", script.time_limit ? seconds(*script.time_limit) : "");
  text += kBegin;
  // Job control: each command in the background is a process group. The shell in between does
  // nothing but to learn the exit code, whatever signals the group is sent; KILL aside.
  text += "set -m\n(\n  trap : TERM USR1 USR2\n";
  for (const auto& [name, value] : script.environment)
    text += "  export " + shell_quoted(name + "=" + value) + "\n";
  text += "  cd " + shell_quoted(script.working_directory) + " 2>>\"$error\" &&\n   ";
  for (const std::string& word : script.command) text += " " + shell_quoted(word);
  text +=
      " </dev/null >>\"$output\" 2>>\"$error\"\n"
      "  echo $? >\"$run/status\"\n"
      ") &";
  text += kEnd;
  return text;
}

ScriptState parse_state(std::string_view text) {
  ScriptState state;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    if (newline == text.npos) break;
    std::istringstream line{std::string(text.substr(0, newline))};
    text.remove_prefix(newline + 1);
    std::string kind;
    line >> kind;
    if (kind == "began" && !state.began) {
      state.began = static_cast<bool>(line >> state.node >> state.began_unix_time);
    } else if (kind == "end" && !state.end) {
      std::string cause;
      ScriptEnd end;
      if (!(line >> cause >> end.status >> end.output_bytes >> end.error_bytes)) continue;
      for (const auto& [value, name] : kCauses)
        if (cause == name) {
          end.cause = value;
          state.end = end;
        }
    }
  }
  return state;
}

}  // namespace skipjack
