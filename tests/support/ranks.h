#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tools/distribute/c10d.h"
#include "tools/distribute/place.h"

namespace skipzoo {

/// Places of so many processes that meet at a free port of loopback.
inline std::vector<ProcessPlace> places_here(int64_t count) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(socket, any, size), 0);
  EXPECT_EQ(::listen(socket, 64), 0);
  EXPECT_EQ(::getsockname(socket, any, &size), 0);
  std::vector<ProcessPlace> places;
  for (int64_t rank = 0; rank < count; ++rank) {
    places.push_back(
        {.rank = rank, .size = count, .port = ntohs(address.sin_port)});
  }
  places.front().listening = socket;  // c10d's to close.
  return places;
}

/// What each of several processes does, as threads of this one that meet as
/// those would.
inline void in_ranks(int64_t count,
                     const std::function<void(int64_t, Processes&)>& work) {
  const auto places = places_here(count);
  std::vector<std::string> errors(places.size());
  std::vector<std::thread> threads;
  for (const auto& place : places) {
    threads.emplace_back([&] {
      try {
        auto processes =
            meet(place, torch::kCPU, Watch::Seconds(60), Watch::Seconds(30));
        work(place.rank, processes);
        processes.collective->any(false);  // The store is rank 0's.
      } catch (const std::exception& error) {
        errors[static_cast<size_t>(place.rank)] = error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& error : errors) EXPECT_EQ(error, "");
}

}  // namespace skipzoo
