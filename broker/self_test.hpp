#pragma once
// At start: does the door that was just built keep strangers out? (RELIABILITY Z17: a CURVE server can be complete and let everybody
// in.) Tried from inside, over the endpoint itself, before anybody is served.

#include <string>

#include "common/clock.hpp"
#include "common/result.hpp"
#include "common/zmtp/router.hpp"

namespace remuda::broker {

/// A key that nobody knows, then no key at all. Errors: `open_endpoint` when one of them gets in, `failed` when the endpoint does not
/// answer within 5 s.
Result<void> strangers_are_refused(zmtp::Router& router, const std::string& endpoint, const zmtp::CurveKey& server_key,
                                   const Clock& clock);

}  // namespace remuda::broker
