#include "tests/support/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace skipzoo {

namespace {

std::string temporary_file() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "skipzoo-out-XXXXXX").string();
  ::close(mkstemp(pattern.data()));
  return pattern;
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments,
                 const std::string& working_folder)
    : out_(temporary_file()), err_(temporary_file()) {
  pid_ = fork();
  if (pid_ != 0) return;
  // Between fork and exec: system calls only.
  if (!working_folder.empty() && chdir(working_folder.c_str()) != 0) _exit(99);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(open(out_.c_str(), O_WRONLY), STDOUT_FILENO);
  dup2(open(err_.c_str(), O_WRONLY), STDERR_FILENO);
  // As a shell in the foreground has them, whatever runs the tests.
  for (const int number : {SIGHUP, SIGINT, SIGPIPE, SIGXFSZ}) {
    ::signal(number, SIG_DFL);
  }
  std::vector<char*> argv;
  for (const auto& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(98);
}

Process::~Process() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::remove(out_.c_str());
  std::remove(err_.c_str());
}

void Process::signal(int number) const { kill(pid_, number); }

std::string Process::errors_so_far() const { return read_text(err_); }

Finished Process::wait() {
  int status = 0;
  rusage usage{};
  wait4(pid_, &status, 0, &usage);
  pid_ = 0;
  return {.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                           : WEXITSTATUS(status),
          .out = read_text(out_),
          .err = read_text(err_),
          .peak_megabytes = usage.ru_maxrss / 1024};
}

bool Process::ends_within(std::chrono::duration<double> time) const {
  const auto until = std::chrono::steady_clock::now() + time;
  for (;;) {
    siginfo_t state{};
    waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT);
    if (state.si_pid == pid_) return true;
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::vector<std::string> skipzoo_command(std::vector<std::string> arguments) {
  std::vector<std::string> command(1, SKIPZOO_BINARY);
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

Finished run_skipzoo(std::vector<std::string> arguments,
                     const std::string& working_folder) {
  return Process(skipzoo_command(std::move(arguments)), working_folder).wait();
}

}  // namespace skipzoo
