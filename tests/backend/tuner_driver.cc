// A tuner to be killed: runs one attempt of a program until the end of time.
// Arguments: the program, the folder for trials, the grace period in milliseconds.
#include <cstdlib>

#include "skipjack/backend/local_process.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  skipjack::LocalProcessOptions options;
  options.entry_point = argv[1];
  options.folder = argv[2];
  options.grace_period = std::chrono::milliseconds(std::atol(argv[3]));
  const auto backend = skipjack::make_local_process_backend(options);
  skipjack::StartRequest request;
  request.configuration =
      skipjack::Json(skipjack::Json::Object{{"folder", skipjack::Json(argv[2])}});
  backend->start(request);
  for (;;) backend->wait(std::chrono::hours(1));
}
