#include "broker/self_test.hpp"

#include <memory>
#include <string_view>
#include <utility>

#include "common/zmtp/dealer.hpp"

namespace remuda::broker {

namespace {

constexpr std::size_t bytes_per_turn = std::size_t{1} << 16U;
constexpr std::uint64_t frame_size_max = 1'024;
constexpr std::chrono::milliseconds step{2};
constexpr std::chrono::seconds patience{5};

Result<void> is_refused(zmtp::Router& router, const std::string& endpoint, std::shared_ptr<const zmtp::CurveClient> keys,
                        std::string_view who, const Clock& clock) {
  bool got_in = false;
  const zmtp::Router::Handlers served{[&](zmtp::PeerId, std::string_view) { got_in = true; }, [&](zmtp::PeerId) { got_in = true; },
                                      [](zmtp::PeerId) {}};
  const zmtp::Dealer::Handlers heard{[&] { got_in = true; }, [&](std::string_view) { got_in = true; }, [] {}};
  zmtp::Dealer stranger{endpoint, frame_size_max, clock, std::move(keys)};
  const Instant limit = clock.now() + patience;
  while (!got_in && stranger.refusal().empty()) {
    if (clock.now() > limit) return fail("failed", "the self-test of " + endpoint + " got no answer within 5 s");
    stranger.process(heard);
    router.wait(step);
    router.take(bytes_per_turn, served);
    router.flush();
  }
  if (got_in)
    return fail("open_endpoint", "the self-test of " + endpoint + " got in with " + std::string{who} + "; nothing is served");
  return {};
}

}  // namespace

Result<void> strangers_are_refused(zmtp::Router& router, const std::string& endpoint, const zmtp::CurveKey& server_key,
                                   const Clock& clock) {
  auto unknown = std::make_shared<const zmtp::CurveClient>(zmtp::CurveClient{zmtp::new_curve_keys(), server_key});
  if (auto refused = is_refused(router, endpoint, std::move(unknown), "a key that nobody knows", clock); !refused) return refused;
  return is_refused(router, endpoint, nullptr, "no key", clock);
}

}  // namespace remuda::broker
