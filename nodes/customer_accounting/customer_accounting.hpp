#pragma once
// Customer accounting: charges each ride's fare to its customer, once. Balances are cents and never binary fractions.
//
// GET /customers/{customer}/account answers {"customer", "balance", "rides"}; a customer nobody has heard of has a balance of 0.00.

#include "nodes/wild_rydes/ride_service.hpp"

namespace remuda::rides {

class CustomerAccounting final : public RideService {
 public:
  CustomerAccounting();

 private:
  Statement charge_;
  Statement account_;
  Statement totals_;

  void prepare(Database& database) override;
  void record(const Ride& ride) override;
  Message answer(const http::RoutedRequest& question) override;
  std::string totals_json() override;
};

}  // namespace remuda::rides
