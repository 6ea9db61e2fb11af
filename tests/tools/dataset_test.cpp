#include "tools/data/dataset.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "tests/support/expect_words.h"
#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

const std::filesystem::path kPictures =
    std::filesystem::path(SKIPZOO_GOLDENS) / "pictures";
const std::filesystem::path kDigits =
    std::filesystem::path(SKIPZOO_CONFIGS) / "digits";

template <typename Open>
std::string error_of(Open open) {
  try {
    open();
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

/// Two training pictures of 2 x 3 pixels, with these labels.
void write_idx(const TemporaryFolder& folder, const std::string& labels) {
  folder.write("train-images-idx3-ubyte", big_endian(0x803) + big_endian(2) +
                                              big_endian(2) + big_endian(3) +
                                              "abcdefghijkl");
  folder.write("train-labels-idx1-ubyte",
               big_endian(0x801) +
                   big_endian(static_cast<uint32_t>(labels.size())) + labels);
}

TEST(Idx, ReadsPicturesAndLabels) {
  TemporaryFolder folder;
  write_idx(folder, std::string("\x03\x00", 2));
  const auto data = open_idx(folder.path(), Split::kTrain, 1, 10);
  ASSERT_EQ(data->size(), 2);
  EXPECT_EQ(data->label(0), 3);
  EXPECT_EQ(data->label(1), 0);
  const Image second = data->image(1);
  EXPECT_EQ(second.height, 2);
  EXPECT_EQ(second.width, 3);
  EXPECT_EQ(std::string(second.pixels.begin(), second.pixels.end()), "ghijkl");
}

TEST(Idx, RepeatsGreyForANetworkOfThreeChannels) {
  TemporaryFolder folder;
  write_idx(folder, std::string("\x03\x00", 2));
  const auto image = open_idx(folder.path(), Split::kTrain, 3, 10)->image(0);
  EXPECT_EQ(std::string(image.pixels.begin(), image.pixels.begin() + 6),
            "aaabbb");
}

// SOURCE.md: 1,438 for training, 359 for testing, gzip'd.
TEST(Idx, ReadsTheDigitsThatComeWithTheProject) {
  const auto train = open_idx(kDigits, Split::kTrain, 1, 10);
  const auto test = open_idx(kDigits, Split::kTest, 1, 10);
  EXPECT_EQ(train->size(), 1438);
  EXPECT_EQ(test->size(), 359);
  std::set<int64_t> labels;
  for (int64_t i = 0; i < test->size(); ++i) labels.insert(test->label(i));
  EXPECT_EQ(labels.size(), 10u);
}

TEST(Idx, RefusesWhatIsTruncatedOrContradictsItself) {
  TemporaryFolder folder;
  const auto open = [&] { open_idx(folder.path(), Split::kTrain, 1, 10); };
  expect_words(error_of(open), "holds no train-images-idx3-ubyte");
  write_idx(folder, "\x03");
  expect_words(error_of(open), "1 labels for the 2 pictures");
  write_idx(folder, "\x03\x0a");
  expect_words(error_of(open),
               "record 1 has label 10, but model.num_classes is 10");
  write_idx(folder, "\x03\x01");
  folder.write("train-images-idx3-ubyte", big_endian(0x803) + big_endian(2) +
                                              big_endian(2) + big_endian(3) +
                                              "abcdefg");
  expect_words(error_of(open), "7 bytes of data, expected 12");
  folder.write("train-images-idx3-ubyte", "PNG");
  expect_words(error_of(open), "not an IDX file");
  folder.write("train-images-idx3-ubyte",
               big_endian(0x803) + big_endian(0xFFFFFFFF) +
                   big_endian(0xFFFFFFFF) + big_endian(0xFFFFFFFF) + "abc");
  expect_words(error_of(open), "3 bytes of data, expected 79228162458924");
}

TEST(Idx, FindsTheNamesInUse) {
  const auto train = [](const char* label) {
    TemporaryFolder folder;
    write_idx(folder, label);
    return std::pair(read_text(folder / "train-images-idx3-ubyte"),
                     read_text(folder / "train-labels-idx1-ubyte"));
  };
  const auto [images, labels] = train("\x03\x01");
  for (const auto& [image_name, label_name, split] :
       {std::tuple{"train-images.idx3-ubyte", "train-labels.idx1-ubyte",
                   Split::kTrain},
        {"emnist-letters-train-images-idx3-ubyte.gz",
         "emnist-letters-train-labels-idx1-ubyte.gz", Split::kTrain},
        {"t10k-images.idx3-ubyte", "t10k-labels-idx1-ubyte", Split::kTest},
        {"train-images-idx3-ubyte/train-images-idx3-ubyte",
         "train-labels-idx1-ubyte/train-labels-idx1-ubyte", Split::kTrain},
        {"emnist-digits-test-images-idx3-ubyte",
         "emnist-digits-test-labels-idx1-ubyte", Split::kTest}}) {
    TemporaryFolder folder;
    const bool packed = std::string(image_name).ends_with(".gz");
    folder.write(image_name, packed ? gzipped(images) : images);
    folder.write(label_name, packed ? gzipped(labels) : labels);
    EXPECT_EQ(open_idx(folder.path(), split, 1, 10)->label(1), 1) << image_name;
  }
}

TEST(Idx, NamesWhatItFindsInstead) {
  TemporaryFolder folder;
  const auto open = [&] { open_idx(folder.path(), Split::kTrain, 1, 10); };
  folder.write("emnist-letters-train-images-idx3-ubyte", "");
  expect_words(error_of(open),
               "holds no emnist-letters-train-labels-idx1-ubyte[.gz]");
  folder.write("emnist-digits-train-images-idx3-ubyte", "");
  expect_words(error_of(open),
               "holds more than one data set ('emnist-digits-train', "
               "'emnist-letters-train')");
  TemporaryFolder other;
  other.write("mnist.npz", "");
  expect_words(error_of([&] { open_idx(other.path(), Split::kTrain, 1, 10); }),
               "in it are 'mnist.npz'");
}

TEST(Idx, LabelsThatBeginWithOneAreCalledThat) {
  TemporaryFolder folder;
  write_idx(folder, "\x01\x02");
  expect_words(
      error_of([&] { open_idx(folder.path(), Split::kTrain, 1, 2); }),
      "record 1 has label 2, but model.num_classes is 2; the labels begin with "
      "1 (1 to 2, as EMNIST's letters), and here classes begin with 0: set "
      "model.num_classes to 3, whose class 0 stays empty");
  EXPECT_EQ(open_idx(folder.path(), Split::kTrain, 1, 3)->label(1), 2);
  expect_words(
      error_of([&] { open_idx(folder.path(), Split::kTrain, 1, 1); }),
      "record 0 has label 1, but model.num_classes is 1; the labels begin with "
      "1 (1 to 2, as EMNIST's letters), and here classes begin with 0: set "
      "model.num_classes to 3");
  write_idx(folder, "\x01\x63");  // One of them is damaged, perhaps.
  EXPECT_EQ(error_of([&] {
              open_idx(folder.path(), Split::kTrain, 1, 2);
            }).find("begin with 1"),
            std::string::npos);
}

TEST(Idx, SaysOfWhatTypeOtherElementsAre) {
  TemporaryFolder folder;
  write_idx(folder, "\x01\x02");
  folder.write("train-images-idx3-ubyte", big_endian(0xD03) + big_endian(1) +
                                              big_endian(1) + big_endian(1) +
                                              "abcd");
  expect_words(error_of([&] { open_idx(folder.path(), Split::kTrain, 1, 10); }),
               "not an IDX file of bytes in 3 dimensions: its elements are of "
               "the type floats");
  folder.write("train-images-idx3-ubyte",
               big_endian(0x801) + big_endian(2) + std::string(20, 'x'));
  expect_words(error_of([&] { open_idx(folder.path(), Split::kTrain, 1, 10); }),
               "not an IDX file of bytes in 3 dimensions but in 1");
}

TEST(Idx, StopsReadingWhatSwellsBeyondItsHeader) {
  TemporaryFolder folder;
  write_idx(folder, "\x01\x02");
  const auto header =
      big_endian(0x803) + big_endian(2) + big_endian(2) + big_endian(3);
  std::filesystem::remove(folder / "train-images-idx3-ubyte");
  const auto bomb = gzipped(header + std::string(50'000'000, 'x'));
  ASSERT_LT(bomb.size(), 60'000u);
  const auto path = folder.write("train-images-idx3-ubyte.gz", bomb);
  const auto open = [&] { open_idx(folder.path(), Split::kTrain, 1, 10); };
  expect_words(error_of(open), "more than 12 bytes of data, expected 12");
  // What the header promises is more than deflate can pack in so little.
  folder.write("train-images-idx3-ubyte.gz",
               gzipped(big_endian(0x803) + big_endian(1 << 20) +
                       big_endian(1 << 10) + big_endian(1 << 10)));
  expect_words(error_of(open), "expected 1099511627776");
  // A hole of 100 GB behind a good header.
  std::filesystem::remove(path);
  const auto plain =
      folder.write("train-images-idx3-ubyte", header + "abcdefghijkl");
  std::filesystem::resize_file(plain, 100'000'000'000);
  expect_words(error_of(open), "more than 12 bytes of data, expected 12");
}

TEST(Idx, RefusesATruncatedGzipFile) {
  TemporaryFolder folder;
  const auto whole = read_text(kDigits / "train-images-idx3-ubyte.gz");
  folder.write("train-images-idx3-ubyte.gz", whole.substr(0, 5000));
  folder.write("train-labels-idx1-ubyte.gz",
               read_text(kDigits / "train-labels-idx1-ubyte.gz"));
  expect_words(error_of([&] { open_idx(folder.path(), Split::kTrain, 1, 10); }),
               "the gzip data end too early or are damaged");
}

/// A CIFAR file of 10,000 records whose first picture's planes are 1, 2 and 3.
std::string cifar_file(size_t labels_each, char label) {
  const size_t record = labels_each + 3072;
  std::string file(10'000 * record, '\0');
  for (size_t i = 0; i < 10'000; ++i) {
    file[i * record + labels_each - 1] = label;
  }
  for (size_t c = 0; c < 3; ++c) {
    file.replace(labels_each + 1024 * c, 1024, 1024, static_cast<char>(c + 1));
  }
  return file;
}

TEST(Cifar, ReadsTheBinaryVersions) {
  TemporaryFolder folder;
  folder.write("test_batch.bin", cifar_file(1, 9));
  folder.write("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\ntruck\n\n");
  const auto ten = open_cifar(folder.path(), Split::kTest, 3, false);
  EXPECT_EQ(ten->size(), 10'000);
  EXPECT_EQ(ten->label(123), 9);
  EXPECT_EQ(ten->classes().at(9), "truck");
  EXPECT_EQ(ten->image(0).pixels[300], 1);
  EXPECT_EQ(ten->image(0).pixels[301], 2);
  EXPECT_EQ(ten->image(0).pixels[302], 3);
  EXPECT_EQ(ten->image(1).pixels[0], 0);

  folder.write("test.bin", cifar_file(2, 99));
  const auto hundred = open_cifar(folder.path(), Split::kTest, 3, true);
  EXPECT_EQ(hundred->label(5), 99);
  EXPECT_EQ(hundred->classes().size(), 100u);
}

TEST(Cifar, ClassNamesInLatin1BecomeUtf8) {
  TemporaryFolder folder;
  folder.write("test_batch.bin", cifar_file(1, 9));
  folder.write("batches.meta.txt", "K\xE4se\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  EXPECT_EQ(open_cifar(folder.path(), Split::kTest, 3, false)->classes().at(0),
            "K\xC3\xA4se");
}

TEST(Cifar, AHoleOfAHundredGigabytesIsNotRead) {
  TemporaryFolder folder;
  const auto file = folder.write("test_batch.bin", "");
  std::filesystem::resize_file(file, 100'000'000'000);
  expect_words(
      error_of([&] { open_cifar(folder.path(), Split::kTest, 3, false); }),
      "100000000000 bytes, expected 30730000");
}

TEST(Cifar, RefusesTruncatedFilesAndWrongLabels) {
  TemporaryFolder folder;
  const auto open = [&] { open_cifar(folder.path(), Split::kTest, 3, false); };
  expect_words(error_of(open), "test_batch.bin: not found");
  folder.write("test_batch.bin", cifar_file(1, 9).substr(0, 20'480'000));
  expect_words(error_of(open),
               "20480000 bytes, expected 30730000 (10000 records of 3073)");
  folder.write("test_batch.bin", cifar_file(1, 10));
  expect_words(error_of(open), "record 0 has label 10, expected 0 to 9");
}

TEST(ImageFolder, LabelsBySortedClassNames) {
  TemporaryFolder folder;
  const auto jpeg = read_text(kPictures / "rgb.jpg");
  folder.write("b/1.jpg", jpeg);
  folder.write("a/2.JPEG", jpeg);
  folder.write("a/1.png", read_text(kPictures / "grey.png"));
  folder.write("a/notes.txt", "not a picture");
  folder.write(".hidden/1.jpg", jpeg);
  const auto data = open_image_folder(folder.path(), 3, 2);
  EXPECT_EQ(data->classes(), (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(data->size(), 3);
  EXPECT_TRUE(data->name(0).ends_with("a/1.png"));
  EXPECT_EQ(data->label(2), 1);
  EXPECT_EQ(data->image(0).channels, 3);
}

TEST(ImageFolder, RefusesEmptyClassesAndAWrongNumberOfThem) {
  TemporaryFolder folder;
  const auto open = [&] { open_image_folder(folder.path() / "x", 3, 2); };
  expect_words(error_of(open), "no such folder");
  std::filesystem::create_directory(folder / "x");
  expect_words(error_of(open), "holds no class folders");
  folder.write("x/a/1.jpg", read_text(kPictures / "rgb.jpg"));
  expect_words(error_of(open),
               "holds 1 class folders, but model.num_classes is 2");
  std::filesystem::create_directory(folder / "x/b");
  expect_words(error_of(open), "an empty class folder");
}

}  // namespace
}  // namespace skipzoo
