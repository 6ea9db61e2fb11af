#include "tools/write_whole.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

int64_t entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder),
                       fs::directory_iterator());
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

TEST(WriteWhole, ReplacesAFileAndLeavesNothingBesideIt) {
  TemporaryFolder folder;
  const auto path = folder.write("file", "old");
  write_whole(path, "new");
  EXPECT_EQ(read_text(path), "new");
  EXPECT_ANY_THROW(write_whole(path, [](OutputFile& file) {
    file.write(std::string(1 << 20, 'x'));
    throw std::runtime_error("crash");
  }));
  EXPECT_EQ(read_text(path), "new");
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(WriteWhole, LetsWhatItWritesBeReadBeforeItIsPublished) {
  TemporaryFolder folder;
  const auto path = folder.write("file", "old");
  write_whole(path, [&](OutputFile& file) {
    file.write("new");
    EXPECT_EQ(read_text(file.readable()), "new");
    EXPECT_EQ(read_text(path), "old");
  });
  EXPECT_EQ(read_text(path), "new");
}

// The last to finish is the one that stands, and it is whole.
TEST(WriteWhole, GivesEachOfTwoWritersAFileOfItsOwn) {
  TemporaryFolder folder;
  const auto path = folder.write("file", "old");
  write_whole(path, [&](OutputFile& first) {
    first.write("first");
    const auto beside = first.readable();
    write_whole(path, [&](OutputFile& second) {
      second.write("second");
      EXPECT_NE(second.readable(), beside);
      EXPECT_EQ(entries(folder.path()), 3);
    });
    EXPECT_EQ(read_text(path), "second");
    EXPECT_EQ(read_text(beside), "first");
  });
  EXPECT_EQ(read_text(path), "first");
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(WriteWhole, MayBeDoneByManyThreadsAtOnce) {
  TemporaryFolder folder;
  const auto path = folder / "file";
  std::vector<std::future<void>> writers;
  for (char letter = 'a'; letter < 'i'; ++letter) {
    writers.push_back(std::async(std::launch::async, [&path, letter] {
      for (int i = 0; i < 5; ++i) {
        write_whole(path, std::string(100'000, letter));
      }
    }));
  }
  for (auto& writer : writers) EXPECT_NO_THROW(writer.get());
  const auto text = read_text(path);
  EXPECT_EQ(text, std::string(100'000, text.empty() ? '-' : text.front()));
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(WriteWhole, TouchesNoOtherFileOfTheUser) {
  TemporaryFolder folder;
  folder.write("file.tmp", "mine");
  write_whole(folder / "file", "text");
  EXPECT_EQ(read_text(folder / "file.tmp"), "mine");
  EXPECT_EQ(entries(folder.path()), 2);
}

TEST(WriteWhole, KeepsAFilesModeAndGivesANewOneTheUmasks) {
  TemporaryFolder folder;
  const mode_t mask = umask(027);
  write_whole(folder / "new", "text");
  umask(mask);
  EXPECT_EQ(mode_of(folder / "new"), 0640);
  const auto old = folder.write("old", "old");
  for (const mode_t mode : {0600, 0755, 0444}) {
    fs::permissions(old, static_cast<fs::perms>(mode));
    write_whole(old, "new");
    EXPECT_EQ(mode_of(old), mode);
  }
  if (geteuid() != 0) return;
  ASSERT_EQ(chown(old.c_str(), 12, 34), 0);
  write_whole(old, "newer");
  struct stat status {};
  stat(old.c_str(), &status);
  EXPECT_EQ(status.st_uid, 12u);
  EXPECT_EQ(status.st_gid, 34u);
}

TEST(WriteWhole, WritesThroughALinkAlsoWhereNothingIsThereYet) {
  TemporaryFolder folder;
  const auto target = folder.write("below/target", "old");
  fs::create_symlink("below/target", folder / "link");
  fs::create_symlink("link", folder / "link of link");
  fs::create_symlink("below/absent", folder / "to nothing");
  fs::create_symlink("round", folder / "round");
  for (const char* name : {"link", "link of link", "to nothing"}) {
    write_whole(folder / name, name);
    EXPECT_TRUE(fs::is_symlink(folder / name)) << name;
    EXPECT_EQ(read_text(folder / name), name);
  }
  EXPECT_EQ(read_text(target), "link of link");
  EXPECT_EQ(read_text(folder / "below/absent"), "to nothing");
  EXPECT_EQ(entries(folder / "below"), 2);
  EXPECT_NE(words_of_error([&] {
              write_whole(folder / "round", "text");
            }).find("Too many levels of symbolic links"),
            std::string::npos);
}

TEST(WriteWhole, WritesIntoAPipe) {
  TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  Process reader({"/bin/cat", pipe.string()});
  EXPECT_FALSE(is_replaced_whole(pipe));
  write_whole(pipe, "through");
  EXPECT_EQ(reader.wait().out, "through");
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(entries(folder.path()), 1);
}

// Standard output may be a pipe that another program set not to wait.
TEST(OutputFile, WaitsWhereAPipeIsFull) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  const std::string text(1 << 20, 'x');
  auto writer = std::async(std::launch::async, [&] {
    OutputFile file(ends[1], "pipe");
    file.write(text);
    file.finish();
  });
  // Its reader comes late, and waits for each piece.
  usleep(50'000);
  fcntl(ends[0], F_SETFL, 0);
  std::string found(text.size() + 1, '\0');
  size_t size = 0;
  for (ssize_t count = 1; count > 0; size += static_cast<size_t>(count)) {
    count = ::read(ends[0], found.data() + size, found.size() - size);
    if (count < 0) break;
  }
  EXPECT_NO_THROW(writer.get());
  close(ends[0]);
  EXPECT_EQ(size, text.size());
}

// `--output /dev/stdout >> all.csv`: what the file held is not ours.
TEST(WriteWhole, AppendsToADescriptorOfThisProcess) {
  TemporaryFolder folder;
  const auto path = folder.write("all.csv", "before\n");
  const int file = open(path.c_str(), O_WRONLY | O_APPEND);
  const auto number = std::to_string(file);
  for (const auto& name : {"/dev/fd/" + number, "/proc/self/fd/" + number}) {
    EXPECT_FALSE(is_replaced_whole(name));
    write_whole(name, name + "\n");
  }
  fs::create_symlink("/dev/fd/" + number, folder / "link");
  write_whole(folder / "link", "link\n");
  close(file);
  EXPECT_EQ(read_text(path), "before\n/dev/fd/" + number + "\n/proc/self/fd/" +
                                 number + "\nlink\n");
  EXPECT_NE(words_of_error([&] {
              write_whole("/dev/fd/" + number, "text");
            }).find("cannot be written"),
            std::string::npos);
}

TEST(WriteWhole, SaysWhatIsInTheWay) {
  TemporaryFolder folder;
  const auto words = [](const fs::path& path) {
    return words_of_error([&] { write_whole(path, "text"); });
  };
  EXPECT_NE(words(folder / "none/file").find("there is no folder"),
            std::string::npos);
  EXPECT_NE(words(folder.path()).find("is a folder"), std::string::npos);
  EXPECT_NE(words("/dev/full").find("/dev/full: cannot be written: No space"),
            std::string::npos);
}

TEST(WriteOutput, MakesTheFoldersAboveIt) {
  TemporaryFolder folder;
  const auto write = [](OutputFile& file) { file.write("text"); };
  write_output(folder / "a/b/file", write);
  EXPECT_EQ(read_text(folder / "a/b/file"), "text");
  const auto words = words_of_error(
      [&] { write_output(folder / "a/b/file/below/file", write); });
  EXPECT_NE(words.find("cannot be created"), std::string::npos) << words;
}

// What a signal's handler does, for a process that ends.
TEST(RemoveUnfinished, TakesWhatIsBeingWrittenAndNothingThatIsDone) {
  TemporaryFolder folder;
  write_whole(folder / "done", "text");
  const TemporaryFile temporary;
  EXPECT_ANY_THROW(write_whole(folder / "begun", [&](OutputFile& file) {
    file.write("text");
    EXPECT_EQ(entries(folder.path()), 2);
    remove_unfinished_files();
    EXPECT_EQ(entries(folder.path()), 1);
  }));
  EXPECT_FALSE(fs::exists(temporary.path()));
  EXPECT_EQ(read_text(folder / "done"), "text");
}

TEST(RemoveLeftovers, TakesThoseOfThatFileAlone) {
  TemporaryFolder folder;
  for (const char* name : {".last.skz.0123abcd.tmp", ".best.skz.0123abcd.tmp",
                           ".last.skz.mine.tmp", "last.skz.tmp"}) {
    folder.write(name, "");
  }
  remove_leftovers_of(folder / "last.skz");
  EXPECT_FALSE(fs::exists(folder / ".last.skz.0123abcd.tmp"));
  EXPECT_EQ(entries(folder.path()), 3);
}

}  // namespace
}  // namespace skipzoo
