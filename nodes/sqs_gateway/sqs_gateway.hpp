#pragma once
// The SQS gateway: queues for clients that speak Amazon's query protocol. A queue URL is http://HOST:PORT/000000000000/QUEUE, and
// QUEUE is a port of this node, which the launch file wires to the queue. It knows one action so far, SendMessage.
//
// A request passes through three pure steps: query_request.hpp reads the form, an operation (send_message.hpp) makes of it what is
// to be done, xml.hpp writes the answer. This class is the shell: HTTP server, channels.
//
// Signatures are not checked: like the gateway it listens on this machine only.

#include <atomic>
#include <memory>

#include "common/http/server.hpp"
#include "common/node.hpp"
#include "nodes/sqs_gateway/query_request.hpp"

namespace remuda {

class SqsGateway final : public Node {
 public:
  [[nodiscard]] NodeDescription describe() const override;
  void start(NodeContext& context) override;
  Outcome on_message(std::string_view port, const Message& message, Outbox& out) override;
  void stop() override;

  /// Where it listens, once started.
  [[nodiscard]] const http::Endpoint& endpoint() const { return server_->endpoint(); }

 private:
  NodeContext* context_ = nullptr;
  std::atomic<int> outstanding_{0};  ///< sends that are not confirmed yet
  int outstanding_max_ = 0;
  std::atomic<bool> draining_{false};
  std::unique_ptr<http::Server> server_;  ///< last: its thread uses all of the above

  void on_request(const http::Request& request, http::Responder respond);
  void send(const std::string& queue, Message message, const std::string& request_id, http::Responder respond);
};

}  // namespace remuda
