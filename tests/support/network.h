#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace skipzoo {

/// Whether the shell could do it; what it says is nobody's to read.
inline bool shell_did(const std::string& command) {
  return std::system(("(" + command + ") >/dev/null 2>&1").c_str()) == 0;
}

/// Machines of a network, which this one plays: network namespaces, each with a
/// cable to a bridge in one more. Needs root rights and iproute2.
class Network {
 public:
  explicit Network(int64_t machines) {
    is_there_ = shell_did("ip netns add " + hub_ + " && ip -n " + hub_ +
                          " link add br0 type bridge && ip -n " + hub_ +
                          " link set br0 up");
    for (int64_t i = 0; i < machines; ++i) {
      if (!is_there_) break;
      names_.push_back(hub_ + "-" + std::to_string(i));
      const auto& name = names_.back();
      const auto in = "ip -n " + name + " ";
      is_there_ = shell_did(
          "ip netns add " + name + " && ip link add " + cable(i) + " netns " +
          hub_ + " type veth peer name eth0 netns " + name + " && ip -n " +
          hub_ + " link set " + cable(i) + " master br0 up && " + in +
          "addr add " + address(i) + "/24 dev eth0 && " + in +
          "link set eth0 up && " + in + "link set lo up");
    }
  }
  ~Network() {
    for (const auto& name : names_) shell_did("ip netns del " + name);
    shell_did("ip netns del " + hub_);
  }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  bool is_there() const { return is_there_; }
  static std::string address(int64_t machine) {
    return "10.9.8." + std::to_string(machine + 1);
  }
  /// What runs the command behind it on that machine.
  std::vector<std::string> on(int64_t machine) const {
    return {"/usr/bin/env", "ip", "netns", "exec",
            names_.at(static_cast<size_t>(machine))};
  }
  bool cut(int64_t machine) const {
    return shell_did("ip -n " + hub_ + " link set " + cable(machine) + " down");
  }

 private:
  static std::string cable(int64_t machine) {
    return "port" + std::to_string(machine);
  }

  std::string hub_ = "skipzoo-" + std::to_string(::getpid());
  std::vector<std::string> names_;
  bool is_there_ = false;
};

}  // namespace skipzoo
