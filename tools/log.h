#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

namespace spdlog {
class logger;
}

namespace skipzoo {

/// Logs to stderr: plain messages, warnings and errors marked. The libraries
/// log through spdlog's default logger and never print themselves.
void start_log();
/// Of several processes: rank 0 speaks, others say their errors alone, and who
/// they are.
void log_as_rank(int64_t rank);
/// Appends every message to a file too, with times, also what was said before.
/// Throws FileError.
void log_to_file(const std::filesystem::path& file);
/// Throws FileError where that file could not be written since.
void check_log_file();
/// Whether stderr can still be written: its reader may have gone. What is said
/// then goes to the file alone.
bool terminal_is_there();
/// Has `clear` called before a message reaches the terminal and `redraw` after
/// it, so that a progress bar and messages can share it. While that is so, what
/// goes to step_log() reaches the file only. Empty functions end it.
void share_terminal(std::function<void()> clear, std::function<void()> redraw);
/// For the many lines that a progress bar says as well.
std::shared_ptr<spdlog::logger> step_log();

}  // namespace skipzoo
