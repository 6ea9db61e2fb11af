# Warnings for our own targets; headers of others come in as SYSTEM.
add_library(skipzoo_warnings INTERFACE)
add_library(skipzoo::warnings ALIAS skipzoo_warnings)
target_compile_options(skipzoo_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion)
