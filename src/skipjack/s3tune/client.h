// The clients whose downloads can be tuned, as one table: what each is called, what it needs, how
// it is searched, how a download is started and what its user is handed at the end. A further
// client is one more entry. Names of parameters are the client's own, so that what is found can be
// used as it is printed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skipjack/s3/credentials.h"
#include "skipjack/s3tune/measure.h"
#include "skipjack/s3tune/source.h"
#include "skipjack/s3tune/transfer_space.h"
#include "skipjack/space/search_space.h"

namespace skipjack::s3tune {

/// A client as it was found on this machine.
struct ClientProgram {
  /// The executable, or the interpreter that has the package.
  std::string path;
  /// As it tells itself: "1.75.0".
  std::string version;
};

struct ClientSpace {
  SearchSpace space;
  /// What the client does by itself, moved into the space.
  Configuration defaults;
  /// The connections and parts with which our engine would begin, in the client's words: a search
  /// of a few trials should not miss them.
  Configuration engine_like;
};

/// One download by a program.
struct CommandRequest {
  MeasurementTarget target;
  /// Values of the client's parameters; one that is missing or null is left to the client.
  Configuration configuration;
  /// Empty: requests go out unsigned.
  s3::Credentials keys;
  /// Certificates to trust; empty: the system's.
  std::string ca_file{};
  /// A file to be written, or for a folder a folder that is there.
  std::filesystem::path destination;
  /// A file that the client may be told to read its configuration from.
  std::filesystem::path config_file;
};
struct ClientCommand {
  std::vector<std::string> words;
  /// Keys travel here: others can read command lines.
  std::vector<std::pair<std::string, std::string>> environment;
  /// To be written into CommandRequest::config_file; the user's own files are neither read nor
  /// changed.
  std::string config_text{};
};

/// What a user is handed: a file with the values in the client's own words.
struct ReadyRequest {
  Configuration values;
  /// What was tuned, and the endpoint; empty: AWS.
  std::string object, endpoint_url;
};

struct Client {
  enum class Kind {
    Engine,   ///< this one.
    Script,   ///< a Python package, driven by boto3_trial.py.
    Program,  ///< an executable, started for each download.
  };
  /// What --client says, and the name of its row.
  std::string_view name;
  /// For people: "boto3", "the AWS CLI".
  std::string_view label;
  Kind kind = Kind::Program;
  /// Program: its file's name, what makes it tell its version, and the text before that version.
  std::string_view program{}, version_word{}, version_after{};
  /// How to get it.
  std::string_view install{};
  ClientSpace (*space)(const TransferSpaceOptions& options, const ClientProgram& program) = nullptr;
  /// Program only.
  ClientCommand (*command)(const CommandRequest& request) = nullptr;
  /// Name of the file with the values, and its text.
  std::string_view ready_file{};
  std::string (*ready)(const ReadyRequest& request) = nullptr;
};

/// All of them, our own engine ("native") first.
std::span<const Client> clients();
/// Throws InvalidArgument listing the names.
const Client& find_client(std::string_view name);
/// "native, boto3 or rclone".
std::string client_names();

/// Looks for a Kind::Program: the file itself if path is given, else PATH is searched; asks it for
/// its version. Throws NotFound saying how to get it.
ClientProgram find_program(const Client& client, const std::string& path);

/// A value as command lines have it; nullopt if it is missing or null.
std::optional<std::string> value_text(const Configuration& configuration, std::string_view name);

}  // namespace skipjack::s3tune
