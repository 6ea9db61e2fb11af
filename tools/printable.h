#pragma once

#include <string>
#include <string_view>

namespace skipzoo {

/// A name that comes out of a file, for people: on a terminal it does nothing
/// but stand there. Control characters, line ends and what turns the direction
/// of writing become \n, \x1b, \u202e; bytes that are no UTF-8 become \xff.
/// More than 200 characters are cut short, and their number is said.
std::string printable(std::string_view name);

/// The same of a whole message: its line ends stay, and it is never cut.
std::string printable_message(std::string_view message);

}  // namespace skipzoo
