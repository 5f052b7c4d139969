#include "common/http/router.hpp"

#include <algorithm>
#include <set>

#include "common/http/url.hpp"

namespace remuda::http {

namespace {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  path.remove_prefix(1);
  for (;;) {
    const auto slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool is_variable(std::string_view part) {
  return part.starts_with('{');
}

std::string_view variable_name(std::string_view part) {
  return part.substr(1, part.size() - 2);
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// True when every path that one pattern accepts is accepted by the other too.
bool same_shape(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const std::string& x, const std::string& y) { return x == y || (is_variable(x) && is_variable(y)); });
}

}  // namespace

Result<Router> Router::make(const std::map<std::string, std::string>& routes) {
  Router router;
  for (const auto& entry : routes) {
    const std::string& text = entry.first;
    const std::string& port = entry.second;
    const auto wrong = [&](std::string_view why) { return fail("invalid_route", "route '" + text + "': " + std::string{why}); };
    const auto space = text.find(' ');
    const std::string method = text.substr(0, space);
    const bool is_method =
        !method.empty() && std::all_of(method.begin(), method.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (space == std::string::npos || !is_method) return wrong("a route is a method and a path, such as \"GET /rides/{id}\"");
    const std::string path = text.substr(space + 1);
    if (!path.starts_with('/') || path.find_first_of(" ?#%") != std::string::npos)
      return wrong("the path must begin with '/' and hold no blank, '?', '#' or '%'");
    if (port.empty()) return wrong("names no port");
    Pattern pattern;
    std::set<std::string_view> names;
    for (const auto part : split_path(path)) {
      const bool braces = part.find_first_of("{}") != std::string_view::npos;
      if (braces && (part.size() < 3 || !is_variable(part) || !part.ends_with('}') || !is_name(variable_name(part)))) {
        return wrong("a variable is a whole part of the path, such as {id}");
      }
      if (braces && !names.insert(variable_name(part)).second) return wrong("a variable is named twice");
      pattern.parts.emplace_back(part);
    }
    for (const auto& other : router.patterns_) {
      if (router.routes_[other.route].method == method && same_shape(other.parts, pattern.parts)) {
        return wrong("answers the same requests as '" + method + " " + router.routes_[other.route].path + "'");
      }
    }
    pattern.route = router.routes_.size();
    router.routes_.push_back({method, path, port});
    router.patterns_.push_back(std::move(pattern));
  }
  // Literal parts first, so that the first pattern that fits is the one that wins.
  std::stable_sort(router.patterns_.begin(), router.patterns_.end(), [](const Pattern& a, const Pattern& b) {
    return std::lexicographical_compare(
        a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
        [](const std::string& x, const std::string& y) { return !is_variable(x) && is_variable(y); });
  });
  return router;
}

RouteAnswer Router::find(std::string_view method, std::string_view path) const {
  if (!path.starts_with('/')) return NoSuchPath{};
  std::vector<std::string> parts;
  for (const auto encoded : split_path(path)) {
    auto part = percent_decode(encoded);
    if (!part) return BadPath{};
    parts.push_back(std::move(*part));
  }
  std::set<std::string> allowed;
  for (const auto& pattern : patterns_) {
    const bool fits = std::equal(
        pattern.parts.begin(), pattern.parts.end(), parts.begin(), parts.end(),
        [](const std::string& wanted, const std::string& part) { return is_variable(wanted) ? !part.empty() : wanted == part; });
    if (!fits) continue;
    const Route& route = routes_[pattern.route];
    if (route.method == method || (route.method == "GET" && method == "HEAD")) {
      RouteMatch match{&route, {}};
      for (std::size_t i = 0; i < parts.size(); ++i) {
        if (is_variable(pattern.parts[i])) match.parts.emplace(variable_name(pattern.parts[i]), std::move(parts[i]));
      }
      return match;
    }
    allowed.insert(route.method);
    if (route.method == "GET") allowed.insert("HEAD");
  }
  if (allowed.empty()) return NoSuchPath{};
  NoSuchMethod answer;
  for (const auto& name : allowed) answer.allow += (answer.allow.empty() ? "" : ", ") + name;
  return answer;
}

}  // namespace remuda::http
