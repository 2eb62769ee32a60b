// Backends on the cluster that tests/slurm/cluster has started around this program, and what a test
// may do to that cluster.
#pragma once

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "backend/local_process_fixture.h"
#include "skipjack/backend/slurm.h"

namespace skipjack {

inline std::string slurm_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error("run this by tests/slurm/cluster run");
  return value;
}

/// Runs a command; what it printed.
inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  ::pclose(pipe);
  return text;
}

/// "node-down n2": see the cluster program.
inline void do_to_cluster(const std::string& action, const std::string& node = {}) {
  const std::string command = slurm_variable("SKIPJACK_SLURM_CLUSTER") + " " + action + " " +
                              slurm_variable("SKIPJACK_SLURM_FOLDER") + " " + node;
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

/// Jobs of this user that have not ended, as squeue's lines in the format given.
inline std::string jobs(const std::string& format = "%j") {
  return output_of("squeue --me --noheader --format='" + format + "' 2>/dev/null");
}

/// In the cluster's shared folder; gone after the test.
class SharedFolder : public TemporaryFolder {
 public:
  SharedFolder() : TemporaryFolder(slurm_variable("SKIPJACK_SLURM_FOLDER")) {}
};

/// Short intervals: the cluster is on this machine.
inline SlurmOptions quick_options(const SharedFolder& folder, const std::string& script) {
  SlurmOptions options;
  options.entry_point = folder.write_script("program.sh", script);
  options.folder = folder.path() / "experiment with blanks" / "trials";
  options.experiment = "test";
  options.grace_period = std::chrono::seconds(2);
  options.shortest_look = std::chrono::milliseconds(20);
  options.longest_look = std::chrono::milliseconds(100);
  options.shortest_query = std::chrono::milliseconds(200);
  options.longest_query = std::chrono::seconds(1);
  options.late_output = std::chrono::milliseconds(500);
  return options;
}

}  // namespace skipjack
