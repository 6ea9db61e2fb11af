#include "tools/distribute/spawn.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <optional>
#include <system_error>
#include <thread>

#include "tools/error.h"

extern char** environ;

namespace skipzoo {

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  throw ConnectionError("--nproc: " + what + ": " +
                        std::generic_category().message(errno));
}

/// A port of loopback that nobody else can take any more.
class ListeningSocket {
 public:
  ListeningSocket() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    constexpr int kWaiting = 1024;
    if (socket_ < 0 || ::bind(socket_, any, size) != 0 ||
        ::listen(socket_, kWaiting) != 0 ||
        ::getsockname(socket_, any, &size) != 0) {
      fail("no port of 127.0.0.1 to meet at");
    }
    port_ = ntohs(address.sin_port);
  }
  ~ListeningSocket() { ::close(socket_); }
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  int descriptor() const { return socket_; }
  int port() const { return port_; }

 private:
  int socket_;
  int port_ = 0;
};

/// Texts as execve takes them.
class Texts {
 public:
  explicit Texts(std::vector<std::string> texts) : texts_(std::move(texts)) {
    for (auto& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }
  char* const* pointers() { return pointers_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

std::vector<std::string> environment_of(int64_t rank, int64_t count,
                                        const ListeningSocket& socket) {
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  const auto number = std::to_string(rank);
  std::vector<std::string> own = {
      "RANK=" + number,
      "LOCAL_RANK=" + number,
      "WORLD_SIZE=" + std::to_string(count),
      "LOCAL_WORLD_SIZE=" + std::to_string(count),
      "MASTER_ADDR=127.0.0.1",
      "MASTER_PORT=" + std::to_string(socket.port()),
      "TORCHELASTIC_USE_AGENT_STORE=False",
      "SKIPZOO_LISTENING=" + std::to_string(socket.descriptor())};
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    own.push_back("OMP_NUM_THREADS=" +
                  std::to_string(std::max<int64_t>(1, cores / count)));
  }
  const auto is_own = [&](std::string_view variable) {
    return std::ranges::any_of(own, [&](const std::string& one) {
      return variable.starts_with(one.substr(0, one.find('=') + 1));
    });
  };
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!is_own(*variable)) own.emplace_back(*variable);
  }
  return own;
}

pid_t start(const std::vector<std::string>& arguments, int64_t rank,
            int64_t count, const ListeningSocket& socket,
            const sigset_t& signals) {
  Texts words(arguments), variables(environment_of(rank, count, socket));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) fail("no process can be started");
  if (child > 0) return child;
  // Other threads are gone: calls of the system alone.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  if (rank > 0) ::close(socket.descriptor());
  ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  ::execve("/proc/self/exe", words.pointers(), variables.pointers());
  ::_exit(127);
}

/// 0, its exit code, or 128 and its signal.
int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// The copies that run.
class Children {
 public:
  ~Children() { kill_all(); }
  void add(pid_t process, int64_t rank) { running_[process] = {.rank = rank}; }
  bool empty() const { return running_.empty(); }
  void signal_all(int signal) const {
    for (const auto& [process, child] : running_) ::kill(process, signal);
  }
  void kill_all() {
    for (auto& [process, child] : running_) kill(process, child);
  }
  /// Those that a signal has stopped will not end by themselves.
  void kill_stopped() {
    for (auto& [process, child] : running_) {
      if (child.is_stopped) kill(process, child);
    }
  }
  /// What became of them since. Returns the exit code of the first that failed;
  /// 0: none.
  int gather() {
    int failed = 0, status = 0;
    constexpr int kWhat = WNOHANG | WUNTRACED | WCONTINUED;
    for (pid_t process = 0; (process = ::waitpid(-1, &status, kWhat)) > 0;) {
      const auto found = running_.find(process);
      if (found == running_.end()) continue;
      if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
        found->second.is_stopped = WIFSTOPPED(status);
        continue;
      }
      say_what_ended(found->second, status);
      if (failed == 0) failed = exit_code_of(status);
      running_.erase(found);
    }
    return failed;
  }

 private:
  struct Child {
    int64_t rank = 0;
    bool is_stopped = false;
    bool is_killed = false;  ///< By us.
  };
  static void kill(pid_t process, Child& child) {
    child.is_killed = true;
    ::kill(process, SIGKILL);
  }
  static void say_what_ended(const Child& child, int status) {
    constexpr int kNotStarted = 127;
    if (WIFSIGNALED(status) && !child.is_killed) {
      spdlog::error("rank {} was ended by signal {} ({})", child.rank,
                    WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == kNotStarted) {
      spdlog::error("rank {} could not be started", child.rank);
    }
  }

  std::map<pid_t, Child> running_;
};

}  // namespace

int run_processes(const std::vector<std::string>& arguments, int64_t count,
                  std::chrono::seconds grace) {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int one :
       {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU}) {
    ::sigaddset(&signals, one);
  }
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  Children children;
  {
    const ListeningSocket socket;
    for (int64_t rank = 0; rank < count; ++rank) {
      children.add(start(arguments, rank, count, socket, signals), rank);
    }
  }
  int failed = 0;
  std::optional<Clock::time_point> end;
  while (!children.empty()) {
    const timespec moment{.tv_sec = 0, .tv_nsec = 200'000'000};
    siginfo_t information{};
    const int signal = ::sigtimedwait(&signals, &information, &moment);
    // Ctrl-C is for all of a terminal's processes: they have it already. What
    // is sent to this one may have been sent to them too: a second SIGTERM
    // changes nothing, a second SIGINT would end them at once.
    if (signal > 0 && signal != SIGCHLD && information.si_code == SI_USER) {
      children.signal_all(SIGTERM);
    }
    const int code = children.gather();
    if (failed == 0) failed = code;
    if (failed != 0 && !end) end = Clock::now() + grace;
    if (end) children.kill_stopped();
    if (end && Clock::now() >= *end) children.kill_all();
  }
  ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  return failed;
}

}  // namespace skipzoo
