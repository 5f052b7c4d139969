// ZMTP 3 as bytes: what is said first, where frames end, and what is refused.

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "common/zmtp/protocol.hpp"

using namespace remuda::zmtp;
using namespace std::string_literals;
using Event = Decoder::Event;

namespace {

constexpr std::uint64_t frame_size_max = 1'000;

std::string opening(std::string_view type = "DEALER") {
  std::string bytes;
  append_opening(type, bytes);
  return bytes;
}

std::string framed(const std::string& body) {
  std::string bytes;
  append_frame_header(body.size(), bytes);
  return bytes + body;
}

std::string command(const std::string& name, const std::string& data) {
  return "\x04"s + static_cast<char>(1 + name.size() + data.size()) + static_cast<char>(name.size()) + name + data;
}

struct Told {
  Event event;
  std::string content;
  friend bool operator==(const Told&, const Told&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Told& told) { return out << told.event << " '" << told.content << "'"; }
};

/// Everything that is told of bytes which arrive in pieces of this size.
std::vector<Told> told_of(const std::string& bytes, std::size_t piece_size) {
  Decoder decoder{"DEALER", frame_size_max};
  std::vector<Told> told;
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size(); at += piece_size) {
    waiting += bytes.substr(at, piece_size);
    std::string_view left = waiting;
    std::string_view content;
    while (true) {
      const Event event = decoder.next(left, content);
      if (event == Event::incomplete) break;
      const bool has_content = event == Event::frame || event == Event::ping;
      told.push_back({event, has_content ? std::string{content} : ""});
      if (event == Event::refused) return told;
    }
    BOOST_TEST(decoder.wanted() > left.size());
    waiting = left;
  }
  return told;
}

std::vector<Event> events_of(const std::string& bytes) {
  std::vector<Event> events;
  for (const auto& told : told_of(bytes, bytes.size())) events.push_back(told.event);
  return events;
}

const std::vector<Event> refused{Event::refused};
const std::vector<Event> opened_then_refused{Event::opened, Event::refused};

}  // namespace

BOOST_AUTO_TEST_CASE(frames_arrive_whole_however_the_bytes_are_cut) {
  const std::string bytes = opening() + framed("") + framed("ride") + framed(std::string(255, 's')) + framed(std::string(256, 'l'));
  const std::vector<Told> expected{{Event::opened, ""},
                                   {Event::frame, ""},
                                   {Event::frame, "ride"},
                                   {Event::frame, std::string(255, 's')},
                                   {Event::frame, std::string(256, 'l')}};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece)
    BOOST_TEST((told_of(bytes, piece) == expected), "pieces of " << piece);
}

BOOST_AUTO_TEST_CASE(a_message_of_several_frames_is_told_once_and_without_content) {
  const std::string parts = "\x01\x01"s + "a" + "\x01\x01"s + "b" + "\x00\x01"s + "c";
  BOOST_TEST((told_of(opening() + parts + framed("next"), 1) ==
              std::vector<Told>{{Event::opened, ""}, {Event::multipart, ""}, {Event::frame, "next"}}));
}

BOOST_AUTO_TEST_CASE(a_ping_is_told_with_its_context_and_answered_with_it) {
  BOOST_TEST((told_of(opening() + command("PING", "\x00\x0A"s + "context"), 1) ==
              std::vector<Told>{{Event::opened, ""}, {Event::ping, "context"}}));
  std::string pong;
  append_pong("context", pong);
  BOOST_TEST(pong == command("PONG", "context"));
}

BOOST_AUTO_TEST_CASE(commands_that_mean_nothing_here_are_passed_over) {
  BOOST_TEST(
      (events_of(opening() + command("SUBSCRIBE", "rides") + framed("ride")) == std::vector<Event>{Event::opened, Event::frame}));
}

BOOST_AUTO_TEST_CASE(a_frame_of_the_largest_size_is_taken_and_one_byte_more_is_refused_before_it_arrives) {
  BOOST_TEST((events_of(opening() + framed(std::string(frame_size_max, 'x'))) == std::vector<Event>{Event::opened, Event::frame}));
  std::string header;
  append_frame_header(frame_size_max + 1, header);
  BOOST_TEST((events_of(opening() + header) == opened_then_refused));
  BOOST_TEST((events_of(opening() + "\x02"s + std::string(8, '\xFF')) == opened_then_refused));
}

BOOST_AUTO_TEST_CASE(whoever_speaks_something_else_is_refused_at_the_first_byte_that_shows_it) {
  BOOST_TEST((events_of("G") == refused));                                      // HTTP
  BOOST_TEST((events_of("\xFF"s + std::string(8, '\0') + "\x7E") == refused));  // ZMTP 1
  BOOST_TEST((events_of(opening().substr(0, 10) + "\x01") == refused));         // ZMTP 2
  std::string secured = opening();
  secured.replace(12, 5, "CURVE");
  BOOST_TEST((events_of(secured) == refused));
}

BOOST_AUTO_TEST_CASE(the_peer_has_to_be_of_the_expected_type_and_to_say_so_first) {
  BOOST_TEST((events_of(opening("REQ")) == refused));
  BOOST_TEST((events_of(opening().substr(0, greeting_size) + framed("early")) == refused));
  BOOST_TEST((events_of(opening().substr(0, greeting_size) + command("PING", "\x00\x0A"s)) == refused));
  BOOST_TEST((events_of(opening().substr(0, greeting_size) + command("READY", "\x0BSocket-Type\xFF\xFF\xFF\xFF"s)) == refused));
  BOOST_TEST((events_of(opening().substr(0, greeting_size) + command("ERROR", "\x02no"s)) == refused));
}

BOOST_AUTO_TEST_CASE(malformed_frames_and_commands_are_refused) {
  BOOST_TEST((events_of(opening() + "\x08\x00"s) == opened_then_refused));               // an unknown flag
  BOOST_TEST((events_of(opening() + "\x05\x02\x01P"s) == opened_then_refused));          // a command with more to follow
  BOOST_TEST((events_of(opening() + "\x04\x00"s) == opened_then_refused));               // a command without a name
  BOOST_TEST((events_of(opening() + "\x04\x02\x05P"s) == opened_then_refused));          // a name longer than its command
  BOOST_TEST((events_of(opening() + command("PING", "\x00"s)) == opened_then_refused));  // no room for its time
  BOOST_TEST((events_of(opening() + command("PING", "\x00\x0A"s + std::string(17, 'c'))) == opened_then_refused));
}

BOOST_AUTO_TEST_CASE(once_refused_nothing_is_taken_any_more) {
  Decoder decoder{"DEALER", frame_size_max};
  std::string_view bytes = "GET / HTTP/1.1";
  std::string_view content;
  BOOST_TEST(decoder.next(bytes, content) == Event::refused);
  BOOST_TEST(!decoder.problem().empty());
  const std::string right = opening();
  bytes = right;
  BOOST_TEST(decoder.next(bytes, content) == Event::refused);
}
