// predict RUN PICTURE…: the likeliest class of each picture.
#include <tools/run/predictor.h>

#include <iostream>

int main(int count, char** arguments) {
  const auto net = skipzoo::load(arguments[1]);
  for (int i = 2; i < count; ++i) {
    const auto best = net.predict(arguments[i]).front();
    std::cout << arguments[i] << ": " << best.name << ", "
              << 100 * best.probability << " %\n";
  }
}
