// Answers on their way: head and body at the pace of the profile, and what strikes them.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "skipjack/base/error.h"
#include "skipjack/s3sim/server_machine.h"

namespace skipjack::s3sim {
namespace {

/// One sendfile call's worth, and how many of them before others get their turn.
constexpr std::size_t kSendBytes = 1 << 20;
constexpr int kSendsPerTurn = 4;
/// After the last answer on a connection: how long the client may go on sending before a reset.
constexpr Duration kCloseGrace = std::chrono::seconds(2);
/// What a paced socket sends ahead of its pace when it starts again: about one buffer, 20 to 25 KB
/// beyond rate times time, measured at 2 to 50 MB/s. Without holding the body back by as much, many
/// connections with small parts would beat the link by several per cent.
constexpr double kUnpacedBytes = 22e3;
constexpr Duration kShortestDrainCheck = std::chrono::microseconds(500);

}  // namespace

void Server::Impl::start_sending(Connection& c) {
  c.state = State::Sending;
  c.last_progress = now_;
  if (c.left.size() > 0) link_.join(c.sender, now_);
  hold_body(c);
  send_more(c);
}

/// A paced body waits until a steady flow would have brought what the kernel sends ahead.
void Server::Impl::hold_body(Connection& c) {
  c.body_from = Duration::zero();
  if (c.sender.index < 0 || !std::isfinite(c.sender.paced_at)) return;
  const double ahead = std::min(kUnpacedBytes, static_cast<double>(c.left.size()));
  c.body_from = now_ + from_seconds(ahead / c.sender.paced_at);
  set_timer(c, c.body_from);
}

/// Up to stop_at.
Server::Impl::Sent Server::Impl::send_piece(Connection& c) {
  if (c.head_sent < c.head.size()) {
    const int more = c.left.begin < c.stop_at && c.body_from <= now_ ? MSG_MORE : 0;
    const std::size_t wanted = c.trickle > Duration(0) ? 1 : c.head.size() - c.head_sent;
    const ssize_t size =
        ::send(c.fd.get(), c.head.data() + c.head_sent, wanted, MSG_NOSIGNAL | more);
    if (size < 0)
      return errno == EAGAIN ? Sent::Blocked : errno == EINTR ? Sent::All : Sent::Failed;
    c.head_sent += static_cast<std::size_t>(size);
    return Sent::All;
  }
  const Blob& blob = *c.blob;
  const std::int64_t most = c.trickle > Duration(0) ? 1 : static_cast<std::int64_t>(kSendBytes);
  const std::int64_t wanted = std::min(c.stop_at - c.left.begin, most);
  ssize_t size = 0;
  if (blob.fd < 0) {
    size = ::send(c.fd.get(), blob.text.data() + c.left.begin, static_cast<std::size_t>(wanted),
                  MSG_NOSIGNAL);
  } else {
    ::off_t position = (blob.phase + c.left.begin % blob.period) % blob.period;
    const std::int64_t in_period = std::min<std::int64_t>(wanted, blob.period - position);
    size = ::sendfile(c.fd.get(), blob.fd, &position, static_cast<std::size_t>(in_period));
    if (size == 0) return Sent::Failed;  // A file of the folder that became shorter.
  }
  if (size < 0) return errno == EAGAIN ? Sent::Blocked : errno == EINTR ? Sent::All : Sent::Failed;
  c.left.begin += size;
  add(counters_.bytes_sent, size);
  return Sent::All;
}

void Server::Impl::send_more(Connection& c) {
  const auto finished = [&] { return c.head_sent == c.head.size() && c.left.begin >= c.stop_at; };
  const auto holds = [&] { return c.head_sent == c.head.size() && c.body_from > now_; };
  for (int i = 0; i < kSendsPerTurn && !finished() && !holds(); ++i) {
    const Sent sent = send_piece(c);
    if (sent == Sent::Failed) return close(c);
    if (sent == Sent::Blocked) break;
    c.last_progress = now_;
    if (c.trickle > Duration(0) && !finished()) {
      set_interest(c, 0);
      return set_timer(c, now_ + c.trickle);
    }
  }
  if (!finished()) return set_interest(c, holds() ? 0U : std::uint32_t{EPOLLOUT});
  if (c.fault) return strike(c);
  finish(c);
}

void Server::Impl::strike(Connection& c) {
  const Fault fault = *c.fault;
  c.fault.reset();
  link_.leave(c.sender);
  if (fault == Fault::Stall) {
    c.state = State::Stalled;
    c.stop_at = c.left.end;
    set_interest(c, 0);
    if (c.stall > Duration(0)) set_timer(c, now_ + c.stall);
    return;
  }
  close(c, fault == Fault::Truncate ? Ending::Orderly : Ending::Abort);
}

void Server::Impl::end_stall(Connection& c) {
  c.state = State::Sending;
  c.last_progress = now_;
  if (c.left.size() > 0) link_.join(c.sender, now_);
  send_more(c);
}

void Server::Impl::finish(Connection& c) {
  c.blob.reset();
  if (c.close_after) {
    link_.leave(c.sender);
    c.state = State::Closing;
    ::shutdown(c.fd.get(), SHUT_WR);
    set_interest(c, EPOLLIN);
    set_timer(c, now_ + kCloseGrace);
    return;
  }
  c.state = State::Reading;
  set_interest(c, EPOLLIN);
  if (c.sender.index >= 0) check_drained(c);
}

/// What the kernel still holds goes on using the link; the connection leaves it when that is out,
/// or when the next request shows that it is.
void Server::Impl::check_drained(Connection& c) {
  if (c.sender.index < 0) return;
  int queued = 0;
  const bool known = ::ioctl(c.fd.get(), SIOCOUTQ, &queued) == 0;
  if (!known || queued == 0 || !std::isfinite(c.sender.paced_at)) return link_.leave(c.sender);
  set_timer(c, now_ + std::max(kShortestDrainCheck,
                               from_seconds(queued / std::max(c.sender.paced_at, 1.0))));
}

}  // namespace skipjack::s3sim
