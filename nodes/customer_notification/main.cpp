#include "common/node.hpp"
#include "nodes/customer_notification/customer_notification.hpp"

int main(int argc, char** argv) {
  remuda::rides::CustomerNotification node;
  return remuda::run_node(node, argc, argv);
}
