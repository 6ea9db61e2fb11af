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
    const auto hub = ip_in(hub_);
    is_there_ =
        shell_did("ip netns add " + hub_ + " && " + hub +
                  "link add br0 type bridge && " + hub + "link set br0 up");
    for (int64_t i = 0; i < machines && is_there_; ++i) {
      names_.push_back(hub_ + "-" + std::to_string(i));
      const auto& name = names_.back();
      const auto machine = ip_in(name);
      is_there_ = shell_did(
          "ip netns add " + name + " && ip link add " + cable(i) + " netns " +
          hub_ + " type veth peer name eth0 netns " + name + " && " + hub +
          "link set " + cable(i) + " master br0 up && " + machine +
          "addr add " + address(i) + "/24 dev eth0 && " + machine +
          "link set eth0 up && " + machine + "link set lo up");
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
    return {"/usr/bin/env", "nsenter",
            entry(names_.at(static_cast<size_t>(machine)))};
  }
  bool cut(int64_t machine) const {
    return shell_did(ip_in(hub_) + "link set " + cable(machine) + " down");
  }

 private:
  /// Not by `ip netns exec` or `ip -n`, which mount, as below a chroot's root
  /// they cannot.
  static std::string ip_in(const std::string& name) {
    return "nsenter " + entry(name) + " ip ";
  }
  static std::string entry(const std::string& name) {
    return "--net=/run/netns/" + name;
  }
  static std::string cable(int64_t machine) {
    return "port" + std::to_string(machine);
  }

  std::string hub_ = "skipzoo-" + std::to_string(::getpid());
  std::vector<std::string> names_;
  bool is_there_ = false;
};

}  // namespace skipzoo
