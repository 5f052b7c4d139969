#pragma once
// Customer account: credits a paid fare, once, and debits it again when the fare is undone.
//
//   credit  customerId fareId fareAmount chargeId  -> its input      AccountCreditException
//   debit   fareId                                 -> fareId         undoes credit
//
// A debit of what was never credited succeeds and is remembered: a credit that comes later is refused with CreditCancelled.

#include "nodes/wild_rydes/participant.hpp"

namespace remuda::rides {

class CustomerAccount final : public Participant {
 public:
  CustomerAccount();

 private:
  Statement find_, credit_, debit_;

  void prepare(Database& database) override;
  Answer perform(const std::string& operation, const Json& input) override;
  Answer credit(const Json& input);
  Answer debit(const Json& input);
};

}  // namespace remuda::rides
