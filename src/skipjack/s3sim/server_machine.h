// The state of the server, private to server*.cc. A connection is a small state machine: Reading a
// request, Waiting for its first byte's time, Sending, Stalled by a fault, Closing. Everything runs
// on one thread; only the object store and the counters are touched by others. server.cc is the
// loop, server_requests.cc goes from requests to answers, server_sending.cc sends them.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "skipjack/s3sim/draws.h"
#include "skipjack/s3sim/fault_script.h"
#include "skipjack/s3sim/http.h"
#include "skipjack/s3sim/link.h"
#include "skipjack/s3sim/object_store.h"
#include "skipjack/s3sim/s3_api.h"
#include "skipjack/s3sim/server.h"
#include "skipjack/s3sim/upload.h"

namespace skipjack::s3sim {

enum class State { Reading, Waiting, Sending, Stalled, Closing, Closed };

struct Connection {
  Connection(std::uint64_t connection_number, Descriptor socket)
      : number(connection_number), fd(std::move(socket)) {}

  const std::uint64_t number;
  Descriptor fd;
  State state = State::Reading;
  std::uint32_t interest = 0;
  Duration last_progress{0};
  std::uint64_t timer_generation = 0;
  std::uint64_t num_requests = 0;

  std::unique_ptr<RequestParser> parser;
  std::string pending;
  std::variant<Route, Answer> routed = Answer{};
  std::unique_ptr<Upload> upload;
  bool refused_early = false;

  /// The answer on its way.
  std::string head;
  std::size_t head_sent = 0;
  std::shared_ptr<const Blob> blob;
  ByteRange left;
  /// Where the fault strikes; left.end if there is none.
  std::int64_t stop_at = 0;
  std::optional<Fault> fault;
  /// How long a Stall lasts; 0: for ever.
  Duration stall{0};
  /// When the body may begin; the head goes before.
  Duration body_from{0};
  bool close_after = false;
  /// One byte of head or body at a time, with so long a pause after each; 0: as fast as it goes.
  Duration trickle{0};
  Sender sender;
};

struct Timer {
  Duration deadline;
  std::uint64_t connection;
  std::uint64_t generation;
  friend bool operator>(const Timer& a, const Timer& b) { return a.deadline > b.deadline; }
};

struct Counters {
  std::atomic<std::int64_t> requests{0}, bytes_sent{0}, bytes_received{0}, accepted{0}, open{0},
      peak{0}, client_errors{0}, server_errors{0}, faults{0};
};

inline void add(std::atomic<std::int64_t>& counter, std::int64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

class Server::Impl {
 public:
  explicit Impl(ServerOptions options);

  ~Impl() { stop(); }

  void stop();
  int port() const { return port_; }
  const ServerOptions& options() const { return options_; }

  ServerStats stats();
  void put_object(const std::string& bucket, const std::string& key, std::string_view bytes,
                  const PutAs& as);
  void add_object(const SyntheticObject& object);
  void remove_object(const std::string& bucket, const std::string& key);

 private:
  static Duration now() { return system_clock().now(); }

  // The loop, in server.cc.
  void listen();
  bool is_paced() const;
  void watch(int operation, int fd, std::uint32_t events, std::uint64_t id);
  void run();
  void turn();
  int wait(std::array<::epoll_event, 256>& events);
  void accept_all();
  void pause_accepting();
  void set_interest(Connection& c, std::uint32_t events);
  void set_timer(Connection& c, Duration deadline);
  void fire_timers();
  void sweep();

  /// Orderly lets what the kernel holds go out, at the pace that was set; Abort resets the
  /// connection.
  enum class Ending { Orderly, Abort };
  void close(Connection& c, Ending ending = Ending::Abort);
  static void abort_on_close(const Connection& c);
  void handle(Connection& c, std::uint32_t events);

  // From requests to answers, in server_requests.cc.
  void receive(Connection& c);
  void process_pending(Connection& c);
  void consume(Connection& c, std::string_view bytes);
  void on_head(Connection& c, const Request& request);
  void on_body(Connection& c, std::string_view bytes);
  void complete(Connection& c);
  void replace_object(const Route& route);
  void respond_and_close(Connection& c, Answer answer);
  void respond(Connection& c, const Request& request, Answer answer,
               const ScriptedFault* scripted = nullptr);
  Answer follow_script(Connection& c, const Request& request, Answer answer,
                       const ScriptedFault& scripted, ResponseDraw& draw);
  static void script_head(Connection& c, FaultKind kind);
  void log_request(const Connection& c, const Request& request, const Answer& answer,
                   const ResponseDraw& draw);
  void write_head(Connection& c, const Answer& answer);

  // Answers on their way, in server_sending.cc.
  void start_sending(Connection& c);
  void hold_body(Connection& c);

  enum class Sent { All, Blocked, Failed };
  Sent send_piece(Connection& c);
  void send_more(Connection& c);
  void strike(Connection& c);
  void end_stall(Connection& c);
  void finish(Connection& c);
  void check_drained(Connection& c);

  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  static constexpr std::uint64_t kWakeId = ~std::uint64_t{0};
  static constexpr std::uint64_t kListenId = kWakeId - 1;

  const ServerOptions options_;
  ObjectStore store_;
  S3Api api_;
  Link link_;
  Descriptor listener_, epoll_, wake_;
  int port_ = 0;
  Counters counters_;
  std::int64_t num_gets_ = 0;

  // Of the loop's thread.
  Duration now_{0};
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<std::uint64_t> closed_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint64_t next_number_ = 0;
  Duration next_sweep_{0};
  bool accepting_ = true;
  Duration accept_again_{0};
  std::vector<char> receive_buffer_ = std::vector<char>(128 << 10);

  std::atomic<bool> stopping_{false};
  std::mutex stop_mutex_;
  clockid_t cpu_clock_{};
  bool has_clock_ = false;
  double final_cpu_seconds_ = 0;
  std::thread thread_;
};

}  // namespace skipjack::s3sim
