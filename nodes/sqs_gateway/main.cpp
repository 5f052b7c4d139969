#include "common/node.hpp"
#include "nodes/sqs_gateway/sqs_gateway.hpp"

int main(int argc, char** argv) {
  remuda::SqsGateway node;
  return remuda::run_node(node, argc, argv);
}
