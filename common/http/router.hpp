#pragma once
// Routes: method and path template to the name of a port. Pure; compiled once.

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/result.hpp"

namespace remuda::http {

struct Route {
  std::string method;  ///< "GET"; also answers HEAD
  std::string path;    ///< "/rides/{id}"
  std::string port;
};

/// A request that found its route. `route` points into the router.
struct RouteMatch {
  const Route* route = nullptr;
  std::map<std::string, std::string> parts;  ///< "id" -> the decoded part of the path, never empty
};
struct NoSuchPath {};
struct NoSuchMethod {
  std::string allow;  ///< the value of the Allow field: "GET, HEAD, POST"
};
/// A part of the path does not decode.
struct BadPath {};
using RouteAnswer = std::variant<RouteMatch, NoSuchPath, NoSuchMethod, BadPath>;

class Router {
 public:
  /// Takes routes in the form they have as parameters: "POST /submit-ride-completion" -> "submit". A part in braces stands for
  /// one whole part of the path. Errors: `invalid_route` (definite), naming the route: no method, no leading '/', a broken or
  /// repeated {name}, or two routes that answer the same requests.
  static Result<Router> make(const std::map<std::string, std::string>& routes);

  /// `path` as sent: still encoded, without query. A literal part wins over a part in braces.
  [[nodiscard]] RouteAnswer find(std::string_view method, std::string_view path) const;
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Pattern {
    std::vector<std::string> parts;  ///< "rides", "{id}"
    std::size_t route = 0;
  };
  std::vector<Route> routes_;
  std::vector<Pattern> patterns_;
};

}  // namespace remuda::http
