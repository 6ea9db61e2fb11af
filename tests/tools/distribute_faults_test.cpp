// What becomes of the processes of a run when something befalls one of them, at
// a random moment. By hand with other numbers: SKIPZOO_FAULTS=200, from the
// seed SKIPZOO_FAULT_SEED, with a train.timeout_s of SKIPZOO_FAULT_TIMEOUT.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <thread>

#include "tests/support/expect_words.h"
#include "tests/support/network.h"
#include "tests/support/picture_run.h"
#include "tools/distribute/c10d.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;

int64_t number_from(const char* variable, int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoll(text);
}

enum class Kind { kKill, kStop, kCutLink, kFullDisk };

struct RandomFault {
  Kind kind = Kind::kKill;
  int64_t ranks = 2;
  int64_t rank = 0;  ///< Whom it befalls.
  Seconds after{};   ///< Its first epoch: tens of steps.

  std::string text() const {
    constexpr const char* kWords[] = {"is killed", "is stopped",
                                      "loses its link", "has a full disk"};
    return "rank " + std::to_string(rank) + " of " + std::to_string(ranks) +
           " " + kWords[static_cast<int>(kind)] + " after " +
           std::to_string(after.count()) + " s";
  }
};

RandomFault drawn(int64_t seed) {
  std::mt19937_64 random(static_cast<uint64_t>(seed));
  const auto below = [&](uint64_t bound) {
    return static_cast<int64_t>(random() % bound);
  };
  RandomFault fault;
  fault.kind = static_cast<Kind>(seed % 4);
  fault.ranks = 2 + below(2);
  fault.rank = below(static_cast<uint64_t>(fault.ranks));
  if (fault.kind == Kind::kFullDisk) fault.rank = 0;  // It alone writes.
  fault.after = Seconds(static_cast<double>(below(1500)) / 1000);
  return fault;
}

/// One that nobody listens at.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  ::bind(socket, any, size);
  ::getsockname(socket, any, &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

/// A disk of three megabytes at this folder.
class SmallDisk {
 public:
  explicit SmallDisk(fs::path folder) : folder_(std::move(folder)) {
    fs::create_directory(folder_);
    is_there_ = shell_did("mount -t tmpfs -o size=3m skipzoo '" +
                          folder_.string() + "'");
  }
  ~SmallDisk() {
    if (is_there_) shell_did("umount -l '" + folder_.string() + "'");
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_there() const { return is_there_; }
  /// Nothing more fits.
  void fill() const {
    std::ofstream file(folder_ / "fill", std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), 4096).flush()) {
    }
  }
  void free() const { fs::remove(folder_ / "fill"); }

 private:
  fs::path folder_;
  bool is_there_;
};

class RandomFaults : public PictureRun,
                     public testing::WithParamInterface<int64_t> {
 protected:
  void SetUp() override {
    if (!has_gloo()) GTEST_SKIP() << "built without Gloo's headers";
    for (int i = 0; i < 13; ++i) {
      write_picture("train/cat", i);
      write_picture("train/dog", 100 + i);
      write_picture("test/cat", 200 + i);
      write_picture("test/dog", 300 + i);
    }
    write_config("batch_size: 2", "epochs: 1000000, checkpoint_interval: 1");
  }
  /// As a launcher of several machines would.
  std::vector<std::string> command(const RandomFault& fault, int64_t rank,
                                   int port, const Network* network) const {
    std::vector<std::string> words = {"/usr/bin/env"};
    if (network != nullptr) words = network->on(rank);
    const auto address = network ? Network::address(0) : "127.0.0.1";
    const auto add = [&](const std::string& name, const std::string& value) {
      words.push_back(name + "=" + value);
    };
    if (network != nullptr) words.emplace_back("/usr/bin/env");
    add("RANK", std::to_string(rank));
    add("WORLD_SIZE", std::to_string(fault.ranks));
    add("MASTER_ADDR", address);
    add("MASTER_PORT", std::to_string(port));
    if (network != nullptr) add("GLOO_SOCKET_IFNAME", "eth0");
    for (const auto& word : skipzoo_command(
             {"train", "-c", path("net.yaml"), "-o", path("disk/run"), "--set",
              "train.timeout_s=" + std::to_string(timeout)})) {
      words.push_back(word);
    }
    return words;
  }
  static void befall(const RandomFault& fault, const Process& process,
                     const Network* network, const SmallDisk& disk) {
    switch (fault.kind) {
      case Kind::kKill:
        return process.signal(SIGKILL);
      case Kind::kStop:
        return process.signal(SIGSTOP);
      case Kind::kCutLink:
        ASSERT_TRUE(network->cut(fault.rank));
        return;
      case Kind::kFullDisk:
        return disk.fill();
    }
  }

  const int64_t timeout = number_from("SKIPZOO_FAULT_TIMEOUT", 3);
};

TEST_P(RandomFaults, EndAllOfTheRun) {
  const auto fault = drawn(GetParam());
  std::printf("seed %ld: %s\n", static_cast<long>(GetParam()),
              fault.text().c_str());
  std::unique_ptr<Network> network;
  if (fault.kind == Kind::kCutLink) {
    network = std::make_unique<Network>(fault.ranks);
    if (!network->is_there()) {
      GTEST_SKIP() << "needs root rights and iproute2, for network namespaces";
    }
  }
  const SmallDisk disk(folder / "disk");
  if (fault.kind == Kind::kFullDisk && !disk.is_there()) {
    GTEST_SKIP() << "needs root rights, to mount a small disk";
  }
  const int port = free_port();
  std::vector<std::unique_ptr<Process>> processes;
  for (int64_t rank = 0; rank < fault.ranks; ++rank) {
    processes.push_back(
        std::make_unique<Process>(command(fault, rank, port, network.get())));
  }
  const auto& first = *processes[0];
  for (int i = 0; i < 1200; ++i) {
    if (first.errors_so_far().find("Val:   1 ") != std::string::npos) break;
    ASSERT_FALSE(first.ends_within(Seconds(0.05))) << first.errors_so_far();
  }
  std::this_thread::sleep_for(fault.after);
  const auto victim = static_cast<size_t>(fault.rank);
  befall(fault, *processes[victim], network.get(), disk);

  // All but the one that is stopped end, and soon; 2: a busy machine.
  const auto end = std::chrono::steady_clock::now() +
                   Seconds(static_cast<double>(timeout) + 5 + 2);
  const bool is_stopped = fault.kind == Kind::kStop;
  for (size_t rank = 0; rank < processes.size(); ++rank) {
    if (rank == victim && is_stopped) continue;
    ASSERT_TRUE(processes[rank]->ends_within(
        Seconds(end - std::chrono::steady_clock::now())))
        << "rank " << rank << ": " << processes[rank]->errors_so_far();
  }
  // And it does too, once it goes on.
  if (is_stopped) {
    processes[victim]->signal(SIGCONT);
    ASSERT_TRUE(processes[victim]->ends_within(Seconds(timeout + 5 + 2)))
        << processes[victim]->errors_so_far();
  }
  const auto name = "rank " + std::to_string(fault.rank);
  for (size_t rank = 0; rank < processes.size(); ++rank) {
    const auto ended = processes[rank]->wait();
    EXPECT_NE(ended.exit_code, 0) << "rank " << rank << ": " << ended.err;
    if (rank == victim) continue;
    if (fault.kind == Kind::kFullDisk) {
      // What all say the first alone says.
      EXPECT_TRUE(ended.err.empty() ||
                  ended.err.find(name) != std::string::npos)
          << ended.err;
    } else {
      expect_words(ended.err, name);
    }
    // In one line, and no trace of calls.
    EXPECT_EQ(ended.err.find("error: "), ended.err.rfind("error: "))
        << ended.err;
    EXPECT_EQ(ended.err.find("Exception raised"), std::string::npos)
        << ended.err;
  }
  disk.free();
  const auto last = load_checkpoint(folder / "disk/run/last.skz");
  const auto again =
      run_skipzoo({"train", "--resume", path("disk/run"), "--set",
                   "train.epochs=" + std::to_string(last.position.epoch + 1)});
  expect_words(again, 0, "done: ");
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFaults,
                         testing::Range(number_from("SKIPZOO_FAULT_SEED", 0),
                                        number_from("SKIPZOO_FAULT_SEED", 0) +
                                            number_from("SKIPZOO_FAULTS", 12)));

}  // namespace
}  // namespace skipzoo
