#include "nodes/wild_rydes/questions.hpp"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "common/msgpack_reader.hpp"

namespace remuda::rides {

namespace {

/// The texts and numbers of a flat map, as texts.
Result<std::map<std::string, std::string>> texts_of(const Message& message) {
  std::map<std::string, std::string> texts;
  if (message.body.empty()) return texts;
  if (message.datacontenttype == "application/json") {
    const auto json = nlohmann::json::parse(message.body, nullptr, false);
    if (!json.is_object()) return fail("malformed_request", "the body is not a JSON object");
    for (const auto& [name, value] : json.items()) {
      if (value.is_string()) texts[name] = value.get<std::string>();
      if (value.is_number_integer()) texts[name] = std::to_string(value.get<std::int64_t>());
    }
    return texts;
  }
  MsgpackReader in{message.body};
  const std::uint32_t count = in.map();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const std::string name{in.string()};
    if (in.peek() == MsgpackReader::Kind::string) {
      texts[name] = in.string();
    } else if (in.peek() == MsgpackReader::Kind::unsigned_integer) {
      texts[name] = std::to_string(in.unsigned_integer());
    } else {
      in.skip();
    }
  }
  if (!in.ok() || !in.at_end()) return fail("malformed_request", "the body is not one msgpack map");
  return texts;
}

void read_number(const http::RoutedRequest& question, const std::string& name, std::int64_t least, std::int64_t most,
                 std::int64_t& number, std::vector<http::FieldError>& errors) {
  const auto found = question.query.find(name);
  if (found == question.query.end()) return;
  const std::string& text = found->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
    errors.push_back({name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most)});
  } else {
    number = value;
  }
}

}  // namespace

Result<http::RoutedRequest> question_of(const Message& message) {
  if (message.type == http::request_type) return http::routed_request(message);
  auto texts = texts_of(message);
  if (!texts) return Failure<Error>{texts.error()};
  http::RoutedRequest question;
  question.method = "GET";
  question.query = std::move(*texts);
  return question;
}

std::string customer_of(const http::RoutedRequest& question) {
  for (const auto* parts : {&question.path, &question.query}) {
    const auto found = parts->find("customer");
    if (found != parts->end()) return found->second;
  }
  return {};
}

Result<Page, std::vector<http::FieldError>> page_of(const http::RoutedRequest& question) {
  Page page;
  std::vector<http::FieldError> errors;
  read_number(question, "after", 0, INT64_MAX, page.after, errors);
  read_number(question, "limit", 1, 1'000, page.limit, errors);
  if (!errors.empty()) return Failure<std::vector<http::FieldError>>{std::move(errors)};
  return page;
}

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string page_json(std::string_view name, const std::vector<std::string>& items, std::int64_t last, const Page& page,
                      std::string_view path) {
  std::string json = "{" + json_text(name) + ":[";
  for (std::size_t i = 0; i < items.size(); ++i) json += (i == 0 ? "" : ",") + items[i];
  json += "],\"links\":{\"self\":" + json_text(path);
  if (static_cast<std::int64_t>(items.size()) == page.limit) {
    json += ",\"next\":" + json_text(std::string{path} + "?after=" + std::to_string(last) + "&limit=" + std::to_string(page.limit));
  }
  return json + "}}";
}

std::string figures_json(const std::map<std::string, std::int64_t>& tallies) {
  constexpr std::array names = {figure::received, figure::processed, figure::redelivered, figure::repeated,
                                figure::failed,   figure::rejected,  figure::dropped};
  std::string json;
  for (const auto name : names) {
    const auto found = tallies.find(std::string{name});
    json += (json.empty() ? "" : ",") + json_text(name) + ":" + std::to_string(found == tallies.end() ? 0 : found->second);
  }
  return json;
}

}  // namespace remuda::rides
