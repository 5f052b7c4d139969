#pragma once
// Card payment: pre-authorises, charges, releases and refunds a fare, each once. It never sees a card: `cardToken` stands for one
// (nodes/fare_register made it). Whatever else a request carries is neither kept, logged nor passed on.
//
//   pre_authorise  customerId fareId fareAmount [cardToken]   -> chargeToken             PaymentAuthException
//   charge         customerId fareId fareAmount chargeToken   -> these and chargeId      PaymentChargeException
//   charge_fare    customerId fareId fareAmount               -> both in one, as in the workshop's lab
//   release        fareId                                     -> fareId released         undoes pre_authorise
//   refund         fareId [chargeId]                          -> fareId refundId chargeId    undoes charge    RefundException
//
// A fare's payment goes from authorised to charged to refunded, or to released. An undo of what was never done succeeds and is
// remembered (a tombstone): what it undoes is refused from then on with PaymentCancelled, however late it comes.

#include "nodes/wild_rydes/participant.hpp"

namespace remuda::rides {

class CardPayment final : public Participant {
 public:
  CardPayment();

 private:
  struct Payment {
    std::string state;  ///< authorised, charged, refunded, released, uncharged (authorised, and never to be charged)
    std::string customer = {};
    std::int64_t cents = 0;
    std::string charge_token = {}, charge_id = {}, refund_id = {};
  };
  Statement find_, put_;

  void prepare(Database& database) override;
  Answer perform(const std::string& operation, const Json& input) override;
  Answer pre_authorise(const Json& input);
  Answer charge(const Json& input);
  Answer charge_fare(const Json& input);
  Answer release(const Json& input);
  Answer refund(const Json& input);
  [[nodiscard]] std::optional<Payment> find(const std::string& fare);
  void put(const std::string& fare, const Payment& payment);
};

}  // namespace remuda::rides
