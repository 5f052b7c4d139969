#include "nodes/customer_account/customer_account.hpp"

namespace remuda::rides {

CustomerAccount::CustomerAccount()
    : Participant{
          {.executable = "customer_account",
           .summary = "credits paid fares to their customers, each once",
           .operations = {"credit", "debit"},
           .schema =
               "CREATE TABLE entry (fare TEXT PRIMARY KEY, customer TEXT NOT NULL, cents INTEGER NOT NULL, state TEXT NOT NULL)"
               " WITHOUT ROWID;"}} {}

void CustomerAccount::prepare(Database& database) {
  find_ = database.prepare("SELECT state FROM entry WHERE fare = ?");
  credit_ = database.prepare("INSERT INTO entry VALUES (?, ?, ?, 'credited')");
  debit_ = database.prepare("INSERT INTO entry VALUES (?, '', 0, 'debited') ON CONFLICT (fare) DO UPDATE SET state = 'debited'");
}

Answer CustomerAccount::perform(const std::string& operation, const Json& input) {
  return operation == "credit" ? credit(input) : debit(input);
}

Answer CustomerAccount::credit(const Json& input) {
  if (auto error = missing(input, {"customerId", "fareId", "fareAmount", "chargeId"})) return Failure{std::move(*error)};
  const auto amount = amount_of(input);
  if (!amount) return Failure{amount.error()};
  const std::string fare = text_of(input, "fareId");
  const std::string customer = text_of(input, "customerId");
  const std::string state = find_.rows(std::string_view{fare}).step() ? find_.text(0) : std::string{};
  find_.reset();
  if (state == "debited") return refused("CreditCancelled", "the credit was undone before");
  if (state == "credited") return input;
  if (doomed(customer, "fail_credit")) return refused("AccountCreditException", "the account was not credited");
  credit_.run(std::string_view{fare}, std::string_view{customer}, amount->cents);
  return input;
}

Answer CustomerAccount::debit(const Json& input) {
  if (auto error = missing(input, {"fareId"})) return Failure{std::move(*error)};
  debit_.run(std::string_view{text_of(input, "fareId")});
  return Json{{"fareId", text_of(input, "fareId")}};
}

}  // namespace remuda::rides
