#include "tools/data/dataset.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <set>

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

void expect_words(const std::string& text, const std::string& words) {
  EXPECT_NE(text.find(words), std::string::npos) << text;
}

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
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

TEST(Holdout, SplitsTheTrainingDataBySeedAndKeepsEveryPicture) {
  DataOptions options;
  options.dataset = DatasetKind::kIdx;
  options.root = kDigits;
  options.holdout = 0.1;
  const auto a = open_training_data(options, 1, 10, 1);
  EXPECT_EQ(a.validation->size(), 144);
  EXPECT_EQ(a.train->size(), 1294);
  const auto names = [](const TrainingData& data) {
    std::set<std::string> all;
    for (int64_t i = 0; i < data.validation->size(); ++i) {
      all.insert(data.validation->name(i));
    }
    return all;
  };
  auto all = names(a);
  EXPECT_EQ(all, names(open_training_data(options, 1, 10, 1)));
  EXPECT_NE(all, names(open_training_data(options, 1, 10, 2)));
  for (int64_t i = 0; i < a.train->size(); ++i) all.insert(a.train->name(i));
  EXPECT_EQ(all.size(), 1438u);
}

TEST(ImageFolder, RefusesSplitsOfOtherClasses) {
  TemporaryFolder folder;
  const auto jpeg = read_text(kPictures / "rgb.jpg");
  for (const char* name :
       {"train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/c/1.jpg"}) {
    folder.write(name, jpeg);
  }
  DataOptions options;
  options.root = folder.path();
  options.image_size = 8;
  expect_words(error_of([&] { open_training_data(options, 3, 2, 0); }),
               "the class folders of 'train' and 'test' differ");
}

}  // namespace
}  // namespace skipzoo
