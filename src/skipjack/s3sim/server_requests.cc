// From what a client sends to the answer that it gets, with the faults that are due.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>

#include "skipjack/base/bytes.h"
#include "skipjack/base/error.h"
#include "skipjack/s3sim/server_machine.h"

namespace skipjack::s3sim {
namespace {

constexpr int kReceivesPerTurn = 8;

}  // namespace

void Server::Impl::receive(Connection& c) {
  for (int i = 0; i < kReceivesPerTurn; ++i) {
    const ssize_t size = ::recv(c.fd.get(), receive_buffer_.data(), receive_buffer_.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) return close(c, Ending::Orderly);
    c.last_progress = now_;
    if (c.state == State::Closing) continue;
    consume(c, {receive_buffer_.data(), static_cast<std::size_t>(size)});
    if (c.state != State::Reading) return;
  }
}

void Server::Impl::process_pending(Connection& c) {
  if (c.pending.empty()) return;
  const std::string bytes = std::move(c.pending);
  c.pending.clear();
  consume(c, bytes);
}

/// Feeds requests until the bytes are used up or one of them must be waited for.
void Server::Impl::consume(Connection& c, std::string_view bytes) {
  while (!bytes.empty() && c.state == State::Reading) {
    const RequestParser::Result result = c.parser->feed(bytes);
    bytes.remove_prefix(std::min(result.consumed, bytes.size()));
    switch (result.outcome) {
      case RequestParser::Outcome::NeedMore:
        if (c.refused_early) respond_and_close(c, std::get<Answer>(c.routed));
        break;
      case RequestParser::Outcome::Complete:
        complete(c);
        break;
      case RequestParser::Outcome::Malformed:
        respond_and_close(
            c, S3Api::error({}, {.status = 400,
                                 .code = "BadRequest",
                                 .message = "An error occurred when parsing the HTTP request."}));
        break;
      case RequestParser::Outcome::HeadTooLarge:
        respond_and_close(
            c, S3Api::error({}, {.status = 431,
                                 .code = "RequestHeaderSectionTooLarge",
                                 .message = "Your request header section exceeds the maximum."}));
        break;
    }
  }
  if (c.state != State::Closed && c.state != State::Closing) c.pending.append(bytes);
}

void Server::Impl::on_head(Connection& c, const Request& request) {
  // The client speaks again, so it has all of the last answer.
  link_.leave(c.sender);
  ++c.timer_generation;
  c.upload.reset();
  c.refused_early = false;
  c.routed = api_.route(request, options_.clock->unix_time());
  const Route* route = std::get_if<Route>(&c.routed);
  if (route != nullptr && has_object_body(route->operation))
    c.upload = std::make_unique<Upload>(store_, request);
  const std::string* expect = request.header("expect");
  if (expect == nullptr || !request.has_body()) return;
  if (c.upload && c.upload->refusal()) c.routed = S3Api::error(request, *c.upload->refusal());
  if (std::holds_alternative<Answer>(c.routed)) {
    c.refused_early = true;  // Nothing of the body is wanted.
    return;
  }
  const ssize_t sent = ::send(c.fd.get(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
  // An empty send buffer takes 25 bytes; where it doesn't, the client's own timeout sends the
  // body.
  if (sent != static_cast<ssize_t>(kContinue.size()))
    log(options_.log, LogLevel::Warning, "could not send 100 Continue");
}

void Server::Impl::on_body(Connection& c, std::string_view bytes) {
  add(counters_.bytes_received, static_cast<std::int64_t>(bytes.size()));
  if (c.upload) c.upload->append(bytes);
}

void Server::Impl::complete(Connection& c) {
  const Request& request = c.parser->request();
  c.close_after = !request.keep_alive || c.refused_early;
  if (Answer* answer = std::get_if<Answer>(&c.routed))
    return respond(c, request, std::move(*answer));
  const Route& route = std::get<Route>(c.routed);
  if (!c.upload) {
    const ScriptedFault* scripted =
        route.operation == Operation::GetObject ? fault_for(options_.faults, num_gets_++) : nullptr;
    if (scripted != nullptr && scripted->kind == FaultKind::Replace) replace_object(route);
    return respond(c, request, api_.answer(request, route), scripted);
  }
  Answer answer = api_.finish_upload(route, *c.upload, options_.clock->unix_time());
  c.upload.reset();
  respond(c, request, std::move(answer));
}

void Server::Impl::replace_object(const Route& route) {
  if (const auto version = store_.find(route.bucket, route.key))
    SKIPJACK_CHECK(store_.put(route.bucket, route.key, replaced(*version)) == StoreOutcome::Ok);
}

void Server::Impl::respond_and_close(Connection& c, Answer answer) {
  c.close_after = true;
  c.refused_early = false;
  respond(c, c.parser->request(), std::move(answer));
}

/// Decides the answer's fate and starts its wait.
void Server::Impl::respond(Connection& c, const Request& request, Answer answer,
                           const ScriptedFault* scripted) {
  ResponseDraw draw = draw_response(options_.profile, options_.seed, {c.number, c.num_requests++});
  add(counters_.requests);
  c.trickle = Duration(0);
  if (scripted != nullptr) answer = follow_script(c, request, std::move(answer), *scripted, draw);
  const bool is_download = answer.blob && answer.body == Answer::Body::Send;
  c.fault.reset();
  if (scripted == nullptr) c.stall = from_seconds(options_.profile.stall_seconds);
  if (is_download && draw.fault) {
    add(counters_.faults);
    if (*draw.fault == Fault::SlowDown) {
      answer = S3Api::error(
          request,
          {.status = 503, .code = "SlowDown", .message = "Please reduce your request rate."});
    } else if (*draw.fault == Fault::InternalError) {
      answer =
          S3Api::error(request, {.status = 500,
                                 .code = "InternalError",
                                 .message = "We encountered an internal error. Please try again."});
    } else {
      c.fault = draw.fault;
    }
  }
  if (answer.status >= 500) {
    add(counters_.server_errors);
  } else if (answer.status >= 400) {
    add(counters_.client_errors);
  }
  log_request(c, request, answer, draw);
  write_head(c, answer);
  if (scripted != nullptr) script_head(c, scripted->kind);
  c.sender.limit = draw.bytes_per_second;
  c.stop_at = c.left.end;
  if (c.fault)
    c.stop_at = c.left.begin +
                static_cast<std::int64_t>(draw.fault_fraction * static_cast<double>(c.left.size()));
  const Duration delay = from_seconds(draw.first_byte_seconds);
  if (delay <= Duration::zero()) return start_sending(c);
  c.state = State::Waiting;
  set_interest(c, 0);
  set_timer(c, now_ + delay);
}

/// What a scripted fault makes of the answer, and of the draw that decides its fate.
Answer Server::Impl::follow_script(Connection& c, const Request& request, Answer answer,
                                   const ScriptedFault& scripted, ResponseDraw& draw) {
  add(counters_.faults);
  draw.fault.reset();
  draw.fault_fraction = scripted.at;
  c.stall = from_seconds(scripted.seconds);
  switch (scripted.kind) {
    case FaultKind::Reset:
      draw.fault = Fault::Reset;
      break;
    case FaultKind::Truncate:
      draw.fault = Fault::Truncate;
      break;
    case FaultKind::Stall:
      draw.fault = Fault::Stall;
      break;
    case FaultKind::Trickle:
      c.trickle = from_seconds(scripted.seconds);
      break;
    case FaultKind::LateHead:
      draw.first_byte_seconds += scripted.seconds;
      break;
    case FaultKind::Close:
      c.close_after = true;
      break;
    default:
      break;
  }
  return struck(scripted, request, std::move(answer));
}

/// What can only be done to a head that is written.
void Server::Impl::script_head(Connection& c, FaultKind kind) {
  if (kind == FaultKind::Interim) c.head.insert(0, kContinue);
  if (kind != FaultKind::LowerCaseHeaders) return;
  const std::size_t end = c.head.find("\r\n\r\n");
  for (std::size_t line = c.head.find("\r\n"); line < end; line = c.head.find("\r\n", line + 2))
    for (std::size_t i = line + 2; i < end && c.head[i] != ':'; ++i)
      if (c.head[i] >= 'A' && c.head[i] <= 'Z') c.head[i] = static_cast<char>(c.head[i] + 32);
}

void Server::Impl::log_request(const Connection& c, const Request& request, const Answer& answer,
                               const ResponseDraw& draw) {
  if (!options_.log) return;
  const std::string* range = request.header("range");
  log(options_.log, LogLevel::Debug,
      "connection " + std::to_string(c.number) + " request " + std::to_string(c.num_requests - 1) +
          ": " + request.method + " " + request.path + (range != nullptr ? " " + *range : "") +
          " -> " + std::to_string(answer.status) + ", first byte after " +
          format_duration(from_seconds(draw.first_byte_seconds)) +
          (std::isfinite(draw.bytes_per_second)
               ? ", " + format_byte_size(draw.bytes_per_second) + "/s"
               : ""));
}

void Server::Impl::write_head(Connection& c, const Answer& answer) {
  std::string& head = c.head;
  c.head_sent = 0;
  head = "HTTP/1.1 " + std::to_string(answer.status) + " " + reason_phrase(answer.status) + "\r\n";
  std::array<char, 64> id{};
  std::snprintf(id.data(), id.size(), "x-amz-request-id: %08llX%08llX\r\n",
                static_cast<unsigned long long>(c.number),
                static_cast<unsigned long long>(c.num_requests));
  head += id.data();
  head += "Date: " + http_date(static_cast<std::int64_t>(options_.clock->unix_time())) + "\r\n";
  head += "Server: skipjack-s3sim";
  if (!options_.profile.name.empty()) head += " (profile " + options_.profile.name + ")";
  head += "\r\n";
  if (c.close_after) head += "Connection: close\r\n";
  for (const auto& [name, value] : answer.headers) head += name + ": " + value + "\r\n";
  const bool is_chunked = std::any_of(answer.headers.begin(), answer.headers.end(),
                                      [](const auto& h) { return h.first == "Transfer-Encoding"; });
  if (answer.status != 204 && !is_chunked)
    head += "Content-Length: " + std::to_string(answer.content_length()) + "\r\n";
  head += "\r\n";
  c.blob.reset();
  c.left = {};
  if (answer.body == Answer::Body::Omit) return;
  head += answer.text;
  if (!answer.blob) return;
  c.blob = answer.blob;
  c.left = answer.range;
}

}  // namespace skipjack::s3sim
