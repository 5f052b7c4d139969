#include "common/node.hpp"
#include "nodes/card_payment/card_payment.hpp"

int main(int argc, char** argv) {
  remuda::rides::CardPayment node;
  return remuda::run_node(node, argc, argv);
}
