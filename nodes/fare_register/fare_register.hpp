#pragma once
// Fare register: takes fares, knows what became of each, and is the only process that ever sees a card.
//
// POST on `submit`  customerId fareId fareAmount cc expiryDate cvv: 202 with a link, 400 naming every wrong field, 422 when the fare is known
//                   with another customer or amount. The card is checked, a token takes its place, and it is forgotten: it
//                   is in no store, no log, no message and no error. The fare goes to `fares` as `fare.submitted`.
// GET  on `submit`  200 with `status` running, completed or failed; 404
//
//   register       customerId fareId fareAmount  -> fareId                    RegistrationException
//   complete_fare  fareId                        -> fareId fareStatus
//   fail_fare      fareId                        -> fareId fareStatus; a completed fare stays completed: FareCompleted
//
// On `outcomes` it hears of sagas that ended without telling it: such a fare has failed.

#include "nodes/fare_register/submitted_fare.hpp"
#include "nodes/wild_rydes/participant.hpp"

namespace remuda::rides {

class FareRegister final : public Participant {
 public:
  FareRegister();

 private:
  struct Fare {
    std::string customer;
    std::string amount;  ///< as it was submitted
    std::string card_token;
    std::string status;
  };
  Statement find_, submit_, register_, set_status_;

  void prepare(Database& database) override;
  Answer perform(const std::string& operation, const Json& input) override;
  Outcome on_other(std::string_view port, const Message& message, Outbox& out) override;
  Message submit(const Message& request, Outbox& out);
  Message get(const std::string& id);
  Answer set_status(const std::string& fare, const std::string& status);
  [[nodiscard]] std::optional<Fare> find(const std::string& fare);
};

}  // namespace remuda::rides
