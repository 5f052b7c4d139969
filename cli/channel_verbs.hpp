#pragma once
// What the verbs about queues and topics have in common: the way to a channel, the words that select and describe messages, and the
// manner in which something is destroyed: counted first, said, asked about, done, told.

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/broker_access.hpp"
#include "cli/message_view.hpp"
#include "cli/terminal.hpp"

namespace remuda::cli {

/// The way to one channel: its broker and a connection to it.
struct ChannelAccess {
  BrokerAccess access;
  BrokerEndpoint broker;
  std::unique_ptr<BlockingBrokerClient> client;
};
/// The broker that holds a channel; `kind` is "queue", "topic" or "stream". One that the launch file does not name, as it was made by hand,
/// is looked for in the brokers. Errors: as BrokerAccess::broker_of.
Result<BrokerEndpoint> find_broker(BrokerAccess& access, const std::string& channel, const std::string& kind);
/// Errors: as BrokerAccess::open and find_broker.
Result<ChannelAccess> open_channel(const BrokerOptions& options, const std::string& channel, const std::string& kind,
                                   std::chrono::milliseconds patience = std::chrono::seconds{5});

/// The broker that a new channel goes to: that of the topic `from`, the one named `on`, or the only one. Errors: `wrong_usage` with
/// the names when there are several.
Result<ChannelAccess> open_broker_for(const BrokerOptions& options, const std::optional<std::string>& on,
                                      const std::optional<std::string>& from);

/// Asks every broker; those that do not answer are reported and the others still shown. `done`, `partly_done` or `not_reachable`.
ExitCode for_each_broker(const Terminal& terminal, BrokerAccess& access,
                         const std::function<Result<void>(const BrokerEndpoint&, BlockingBrokerClient&)>& ask);

/// Reports an error of a broker with what to type next; returns its exit code.
ExitCode refused(const Terminal& terminal, const Error& error);
/// One line of JSON; bytes that are no UTF-8 are replaced.
std::string dump(const nlohmann::ordered_json& json);
/// "1 message", "1,234 messages".
std::string messages(std::uint64_t count);

/// The options of `first`, then those of `second`.
std::vector<Option> joined(std::vector<Option> first, std::vector<Option> second);
/// `own`, then --topology and --broker.
std::vector<Option> with_broker(BrokerOptions& broker, std::vector<Option> own);
Option queue_argument(std::string& queue);
Option topic_argument(std::string& topic);

/// --filter and --scope: which messages a verb is about.
struct SelectionOptions {
  std::optional<std::string> filter;
  std::string scope = "body";
  /// A view into these options.
  [[nodiscard]] wire::Selection selection() const;
};
std::vector<Option> selection_options(SelectionOptions& options);

/// BODY, --attribute, --raw, --id, --type: what a sender says about its messages.
std::vector<Option> message_options(MessageOptions& message, std::vector<std::string>& bodies);
/// The bodies of the command line, or, where there are none, each line of the input.
std::vector<std::string> bodies_or_lines(const std::vector<std::string>& bodies, const Terminal& terminal);

/// --yes and --dry-run.
struct ConfirmOptions {
  bool yes = false;
  bool dry_run = false;
};
std::vector<Option> confirm_options(ConfirmOptions& options);

/// Counts first, says what it will do, asks, does it, says what it did. `act(dry_run)` returns how many messages it is about;
/// `will` and `did` hold a `{}` for them. Nothing is asked, and nothing done, when there are none.
ExitCode destroy(const Terminal& terminal, const ConfirmOptions& options, const std::string& will, const std::string& did,
                 const std::function<Result<std::uint64_t>(bool dry_run)>& act);

}  // namespace remuda::cli
