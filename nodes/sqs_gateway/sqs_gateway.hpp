#pragma once
// The SQS gateway: the queues and topics of a queue node for clients that were written for Amazon SQS and SNS. They change nothing but
// their endpoint URL. A queue is the same queue for them, for launch files and for every other client.
//
// A request passes through pure steps: call.hpp reads it in either protocol, the verb that verbs.hpp names reads its input, answer.hpp
// writes the answer. Between the last two a verb asks the queue node, through callbacks on the thread of broker_link.hpp; many requests
// are under way at once. This class is the shell: HTTP server, link, limits. What each verb does is told in SQS.md.

#include <atomic>
#include <memory>
#include <string>

#include "common/http/server.hpp"
#include "common/node.hpp"
#include "nodes/sqs_gateway/desk.hpp"
#include "nodes/sqs_gateway/forwarder.hpp"
#include "nodes/sqs_gateway/signature.hpp"

namespace remuda {

class SqsGateway final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void drain() override;
  [[nodiscard]] bool idle() const override { return outstanding_ == 0; }
  void stop() override;

  /// Where it listens, once started.
  [[nodiscard]] const http::Endpoint& endpoint() const { return server_->endpoint(); }

 private:
  std::atomic<int> outstanding_{0};  ///< requests that are not answered yet
  int outstanding_max_ = 0;
  sqs::Credentials credentials_;  ///< empty: whoever can connect is heard
  std::string scheme_;            ///< of the URLs that clients are given
  const Clock* clock_ = nullptr;
  std::atomic<bool> draining_{false};
  std::unique_ptr<sqs::BrokerLink> link_;
  std::unique_ptr<sqs::Desk> desk_;            ///< the link's thread uses it
  std::unique_ptr<sqs::Forwarder> forwarder_;  ///< likewise
  std::unique_ptr<http::Server> server_;       ///< last: its thread uses all of the above

  void on_request(const http::Request& request, http::Responder respond);
};

}  // namespace remuda
