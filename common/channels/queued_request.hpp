#pragma once
// A request channel over queues of a broker: questions wait in one queue, answers in a queue of the asker's own, which the question
// names as its return address (`reply_to`); `correlation_id` pairs them. So an answerer that is away when it is asked answers when
// it is back, if the asker still waits then; who asked is known to the answerer from the question alone.
//
//   asker  --question-->  [quote]  -->  answerer  --answer-->  [quote-replies-gateway-0]  -->  asker
//
// A handler's answer and the deletion of its question are one transaction: a question is answered once, or comes again. One
// that failed (`retry_later`) comes again as from any queue, until its deadline; a rejected one is refused to the asker.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/channel.hpp"
#include "common/channels/queue.hpp"

namespace remuda {

/// How a question says until when its asker waits: an attribute, Unix milliseconds.
inline constexpr std::string_view deadline_attribute = "deadline_ms";
/// How an answer says that it is none: its type; the attribute `code` and the body say why.
inline constexpr std::string_view request_refused_type = "request.refused";

class QueuedRequestOutput final : public RequestChannel {
 public:
  static constexpr std::size_t outstanding_max = 10'000;

  /// Answers are taken from `reply_queue`, which nobody else reads. `connection` and `clock` must outlive the channel.
  QueuedRequestOutput(BrokerConnection& connection, std::string queue, const std::string& reply_queue, std::size_t prefetch,
                      const Clock& clock);

  void turn(Instant now) override;
  [[nodiscard]] Instant next_deadline() const override;
  /// Errors: as RequestChannel::ask; a question that the broker refuses for good has its code (definite).
  void ask(const Message& request, std::chrono::milliseconds deadline, ReplyHandler handler) override;
  [[nodiscard]] std::size_t outstanding() const override { return asked_.size(); }
  /// Takes no more answers.
  void drain() override { replies_.drain(); }
  /// Answers nobody waits for any more: late, repeated, or to an earlier life of this process. They do no harm.
  [[nodiscard]] std::uint64_t dropped_replies() const { return dropped_replies_; }

 private:
  struct Asked {
    Instant deadline;
    ReplyHandler handler;
  };
  void take_replies();
  void answer(const std::string& correlation, Result<Message> result);

  // Constant after construction.
  BrokerConnection& connection_;
  std::string queue_;
  std::string reply_queue_;
  const Clock& clock_;
  std::string asker_;  ///< random

  QueueInput replies_;
  std::uint64_t next_number_ = 1;
  std::map<std::string, Asked> asked_;  ///< by correlation
  std::set<std::pair<Instant, std::string>> deadlines_;
  std::uint64_t dropped_replies_ = 0;
};

class QueuedRequestInput final : public InputChannel {
 public:
  QueuedRequestInput(BrokerConnection& connection, std::string queue, std::size_t prefetch, const Clock& clock);

  void turn(Instant now) override { questions_.turn(now); }
  [[nodiscard]] Instant next_deadline() const override { return questions_.next_deadline(); }
  /// Questions whose asker has stopped waiting are deleted and left out.
  bool take(Incoming& incoming) override;
  [[nodiscard]] BrokerConnection* broker() const override { return &connection_; }
  void add_settlement(std::span<const std::string_view> tickets, const Outcome& outcome, Transaction& transaction) const override;
  void add_reply(const std::string& ticket, const Message& reply, Transaction& transaction) const override;
  void keep(std::span<const std::string_view> tickets, std::chrono::milliseconds time) override { questions_.keep(tickets, time); }
  void settled(const std::string& ticket, const Settlement& settlement) override;
  void observe(std::size_t count, Duration took) override { questions_.observe(count, took); }
  void drain() override { questions_.drain(); }
  [[nodiscard]] std::uint64_t malformed() const override { return questions_.malformed(); }
  [[nodiscard]] std::uint64_t expired() const { return expired_; }

 private:
  /// Where an answer goes; without an address nobody waits for one.
  struct Asker {
    std::string reply_to;
    std::string correlation;
    std::string question_id;
  };
  [[nodiscard]] bool is_expired(const Message& question) const;

  BrokerConnection& connection_;
  std::string queue_;
  const Clock& clock_;
  QueueInput questions_;
  std::map<std::string, Asker, std::less<>> askers_;  ///< by ticket
  std::uint64_t expired_ = 0;
};

}  // namespace remuda
