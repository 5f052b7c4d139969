#include "nodes/card_payment/card_payment.hpp"

namespace remuda::rides {

CardPayment::CardPayment()
    : Participant{
          {.executable = "card_payment",
           .summary = "pre-authorises, charges, releases and refunds fares, each once",
           .operations = {"pre_authorise", "charge", "charge_fare", "release", "refund"},
           .schema =
               "CREATE TABLE payment (fare TEXT PRIMARY KEY, state TEXT NOT NULL, customer TEXT NOT NULL, cents INTEGER NOT NULL,"
               " charge_token TEXT NOT NULL, charge_id TEXT NOT NULL, refund_id TEXT NOT NULL) WITHOUT ROWID;"}} {}

void CardPayment::prepare(Database& database) {
  find_ = database.prepare("SELECT state, customer, cents, charge_token, charge_id, refund_id FROM payment WHERE fare = ?");
  put_ = database.prepare("INSERT OR REPLACE INTO payment VALUES (?, ?, ?, ?, ?, ?, ?)");
}

std::optional<CardPayment::Payment> CardPayment::find(const std::string& fare) {
  std::optional<Payment> payment;
  if (find_.rows(std::string_view{fare}).step())
    payment = {find_.text(0), find_.text(1), find_.integer(2), find_.text(3), find_.text(4), find_.text(5)};
  find_.reset();
  return payment;
}

void CardPayment::put(const std::string& fare, const Payment& payment) {
  put_.run(std::string_view{fare}, std::string_view{payment.state}, std::string_view{payment.customer}, payment.cents,
           std::string_view{payment.charge_token}, std::string_view{payment.charge_id}, std::string_view{payment.refund_id});
}

Answer CardPayment::perform(const std::string& operation, const Json& input) {
  if (operation == "pre_authorise") return pre_authorise(input);
  if (operation == "charge") return charge(input);
  if (operation == "charge_fare") return charge_fare(input);
  if (operation == "release") return release(input);
  return refund(input);
}

Answer CardPayment::pre_authorise(const Json& input) {
  if (auto error = missing(input, {"customerId", "fareId", "fareAmount"})) return Failure{std::move(*error)};
  const auto amount = amount_of(input);
  if (!amount) return Failure{amount.error()};
  const std::string fare = text_of(input, "fareId");
  const std::string customer = text_of(input, "customerId");
  if (const auto earlier = find(fare)) {
    if (earlier->state != "authorised" && earlier->state != "charged")
      return refused("PaymentCancelled", "the fare's payment was undone before");
    return Json{{"chargeToken", earlier->charge_token}};
  }
  if (doomed(customer, "fail_auth")) return refused("PaymentAuthException", "the card was not authorised");
  const std::string token = code_for("tok_", fare);
  put(fare, {"authorised", customer, amount->cents, token, "", ""});
  return Json{{"chargeToken", token}};
}

Answer CardPayment::charge(const Json& input) {
  if (auto error = missing(input, {"customerId", "fareId", "fareAmount", "chargeToken"})) return Failure{std::move(*error)};
  const std::string fare = text_of(input, "fareId");
  auto payment = find(fare);
  if (!payment || payment->charge_token != text_of(input, "chargeToken"))
    return refused("PaymentChargeException", "there is no such pre-authorisation");
  if (payment->state == "authorised") {
    if (doomed(payment->customer, "fail_charge")) return refused("PaymentChargeException", "the card was not charged");
    payment->state = "charged";
    payment->charge_id = code_for("ch_", fare);
    put(fare, *payment);
  } else if (payment->state != "charged") {
    return refused("PaymentCancelled", "the fare's payment was undone before");
  }
  return Json{{"customerId", payment->customer},
              {"fareId", fare},
              {"fareAmount", input.at("fareAmount")},
              {"chargeToken", payment->charge_token},
              {"chargeId", payment->charge_id}};
}

Answer CardPayment::charge_fare(const Json& input) {
  const Answer authorised = pre_authorise(input);
  if (!authorised) return authorised;
  Json with_token = input;
  with_token.update(*authorised);
  return charge(with_token);
}

Answer CardPayment::release(const Json& input) {
  if (auto error = missing(input, {"fareId"})) return Failure{std::move(*error)};
  const std::string fare = text_of(input, "fareId");
  auto payment = find(fare).value_or(Payment{.state = "released"});
  if (doomed(payment.customer, "fail_release")) return refused("ReleaseException", "the pre-authorisation was not released");
  if (payment.state == "charged") return refused("PaymentCharged", "it was charged: refund it");
  if (payment.state != "refunded") payment.state = "released";
  put(fare, payment);
  return Json{{"fareId", fare}, {"released", true}};
}

Answer CardPayment::refund(const Json& input) {
  if (auto error = missing(input, {"fareId"})) return Failure{std::move(*error)};
  const std::string fare = text_of(input, "fareId");
  auto payment = find(fare).value_or(Payment{.state = "released"});
  if (payment.state == "charged") {
    if (doomed(payment.customer, "fail_refund")) return refused("RefundException", "the charge was not refunded");
    payment.state = "refunded";
    payment.refund_id = code_for("re_", fare);
  } else if (payment.state == "authorised") {
    payment.state = "uncharged";
  }
  put(fare, payment);
  Json answer{{"fareId", fare}, {"refundId", nullptr}, {"chargeId", nullptr}};
  if (!payment.refund_id.empty()) answer.update({{"refundId", payment.refund_id}, {"chargeId", payment.charge_id}});
  return answer;
}

}  // namespace remuda::rides
