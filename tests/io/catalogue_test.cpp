// Every file of the reference collection against its catalogue, equal data sets in different layouts against each
// other, and every file that must be refused with the reason that must be given.
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include <parallax/io/load.h>

#include "shared.h"

using namespace parallax;
using namespace parallax_test;

namespace {

struct Row {
  int64_t n, dim, nonzero;
  int views, classes, view, label_first, label_last;
  double sum, sumsq, first, last;
};

std::map<std::string, std::vector<Row>> catalogue() {
  std::map<std::string, std::vector<Row>> rows;
  std::ifstream in(shared("datasets/catalogue.tsv"));
  std::string line;
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '#' || line.compare(0, 5, "file\t") == 0) continue;
    std::istringstream s(line);
    std::string file;
    Row r{};
    s >> file >> r.n >> r.views >> r.classes >> r.view >> r.dim >> r.sum >> r.sumsq >> r.nonzero >> r.first >> r.last >>
        r.label_first >> r.label_last;
    rows[file].push_back(r);
  }
  return rows;
}

void expect_close(double got, double want, const std::string& what) {
  EXPECT_NEAR(got, want, 1e-9 * std::abs(want) + 1e-12) << what;
}

TEST(Catalogue, EveryFile) {
  PLX_NEEDS_SHARED("datasets/catalogue.tsv");
  const auto all = catalogue();
  ASSERT_GE(all.size(), 40u);
  for (const auto& [file, rows] : all) {
    SCOPED_TRACE(file);
    const MultiView d = load(shared("datasets/" + file));
    ASSERT_EQ(d.views.size(), rows.size());
    EXPECT_EQ(static_cast<int>(rows.size()), rows[0].views);
    EXPECT_EQ(d.samples, rows[0].n);
    EXPECT_EQ(d.labels.classes(), rows[0].classes);
    ASSERT_EQ(static_cast<int64_t>(d.labels.values.size()), d.samples);
    EXPECT_EQ(d.labels.values.front(), rows[0].label_first);
    EXPECT_EQ(d.labels.values.back(), rows[0].label_last);
    EXPECT_EQ(d.sha256.size(), 64u);
    for (const Row& r : rows) {
      const View& v = d.views[static_cast<size_t>(r.view)];
      EXPECT_EQ(v.rows, r.n);
      ASSERT_EQ(v.cols, r.dim);
      double sum = 0, sumsq = 0;
      int64_t nonzero = 0;
      for (int64_t i = 0; i < v.rows; ++i)
        for (int64_t c = 0; c < v.cols; ++c) {
          const double x = v.at(i, c);
          sum += x;
          sumsq += x * x;
          nonzero += x != 0;
        }
      EXPECT_EQ(nonzero, r.nonzero);
      expect_close(sum, r.sum, "sum");
      expect_close(sumsq, r.sumsq, "sum of squares");
      // the catalogue prints 12 digits
      EXPECT_NEAR(v.at(0, 0), r.first, 1e-11 * std::abs(r.first));
      EXPECT_NEAR(v.at(v.rows - 1, v.cols - 1), r.last, 1e-11 * std::abs(r.last));
    }
  }
}

void expect_equal(const MultiView& a, const MultiView& b, const std::vector<int>& order = {}) {
  ASSERT_EQ(a.samples, b.samples);
  ASSERT_EQ(a.views.size(), b.views.size());
  EXPECT_EQ(a.labels.values, b.labels.values);
  for (size_t v = 0; v < a.views.size(); ++v) {
    const View &x = a.views[v], &y = b.views[order.empty() ? v : static_cast<size_t>(order[v])];
    ASSERT_EQ(x.cols, y.cols);
    int64_t different = 0;
    for (int64_t i = 0; i < x.rows; ++i)
      for (int64_t c = 0; c < x.cols; ++c) different += x.at(i, c) != y.at(i, c);
    EXPECT_EQ(different, 0) << "view " << v;
  }
}

TEST(Catalogue, EqualDataInDifferentLayouts) {
  PLX_NEEDS_SHARED("datasets/catalogue.tsv");
  const auto get = [](const std::string& f) { return load(shared("datasets/" + f)); };
  const std::vector<std::vector<std::string>> sets = {
      {"NGs.mat", "NGs__layoutB.mat", "NGs__layoutC.mat"},
      {"BBCSport.mat", "BBCSport__layoutB.mat", "derived/BBCSport__v73-sparse.mat"},
      {"Synthetic3d.mat", "Synthetic3d__layoutB.mat", "derived/Synthetic3d__struct.mat",
       "derived/Synthetic3d__v5-uncompressed.mat"},
      {"3Sources.mat", "3Sources__layoutB.mat"},
      {"Event.npz", "Event8"}};
  for (const auto& set : sets) {
    const MultiView first = get(set[0]);
    for (size_t i = 1; i < set.size(); ++i) {
      SCOPED_TRACE(set[i]);
      expect_equal(first, get(set[i]));
    }
  }
  expect_equal(get("Handwritten.mat"), get("Handwritten__layoutB.mat"), {4, 1, 0, 5, 2, 3});
}

TEST(Catalogue, ImagesAreFlattenedLastDimensionFastest) {
  PLX_NEEDS_SHARED("datasets/MNIST-USPS.mat");
  const MultiView flat = load(shared("datasets/MNIST-USPS.mat")),
                  images = load(shared("datasets/MNIST-USPS__layoutB.mat"));
  int64_t different = 0;
  for (size_t v = 0; v < 2; ++v)
    for (int64_t i = 0; i < flat.samples; ++i)
      for (int64_t y = 0; y < 28; ++y)
        for (int64_t x = 0; x < 28; ++x)
          different += flat.views[v].at(i, x * 28 + y) != images.views[v].at(i, y * 28 + x);
  EXPECT_EQ(different, 0);
}

TEST(Catalogue, PrecisionFormatsAndNotes) {
  PLX_NEEDS_SHARED("datasets/ORL.mat");
  const MultiView orl = load(shared("datasets/ORL.mat"));
  EXPECT_TRUE(orl.views[0].is_single() && orl.views[1].is_single() && orl.views[2].is_single());
  EXPECT_FALSE(orl.views[3].is_single());
  EXPECT_EQ(orl.notes.at(0), "views X{1..4}, labels Y, rows are samples");
  EXPECT_TRUE(load(shared("datasets/Scene-15-2view.npz")).views[0].is_single());
  EXPECT_EQ(orl.format, "mat5");
  EXPECT_EQ(load(shared("datasets/BBCSport.mat")).format, "mat73");
  EXPECT_EQ(load(shared("datasets/Event.npz")).format, "npz");
  EXPECT_EQ(load(shared("datasets/Event8")).format, "folder");
  const MultiView b = load(shared("datasets/NGs__layoutB.mat"));
  EXPECT_TRUE(b.views[0].transposed);
  EXPECT_EQ(b.views[0].stored_type, "double");
  EXPECT_EQ(b.notes.at(0), "views data{1..3}, labels truelabel, columns are samples");
  const auto note = [](const MultiView& d) {
    std::string t;
    for (const std::string& n : d.notes) t += n + "\n";
    return t;
  };
  EXPECT_HAS(note(load(shared("datasets/LandUse-21__dup-view.mat"))), "views X{2} and X{3} are identical");
  EXPECT_HAS(note(load(shared("datasets/BBC4view.mat"))), "983 trailing bytes");
  EXPECT_EQ(note(orl).find("warning"), std::string::npos);
  EXPECT_HAS(note(load(shared("datasets/Handwritten__layoutC.mat"))), "train and test parts");
}

TEST(Catalogue, Refusals) {
  PLX_NEEDS_SHARED("datasets/refuse");
  const std::map<std::string, std::vector<std::string>> reasons = {
      {"NGs-incomplete-nan.mat", {"incomplete multi-view data", "data{1}", "126 of 500"}},
      {"3Sources-incomplete-mask.mat", {"incomplete multi-view data", "ind", "64 of 416", "114 of 416", "122 of 416"}},
      {"Reuters-triplets.mat", {"X{1}", "48686 x 3", "600 labels Y"}},
      {"Event8-single-view.mat", {"one view only", "fea", "1579 x 1000"}},
      {"ESP-labels-only.mat", {"labels L", "11032", "without any view"}},
      {"result-file-not-a-dataset.mat", {"no views found", "no labels", "W (6 x 1 cell)"}},
      {"Caltech-5V-lfs-pointer.mat", {"Git LFS pointer", "133 bytes"}},
      {"NGs-truncated.mat", {"truncated"}}};
  for (const auto& [file, parts] : reasons) {
    SCOPED_TRACE(file);
    const std::string path = shared("datasets/refuse/" + file), message = refusal([&] { load(path); });
    EXPECT_HAS(message, path);
    for (const std::string& p : parts) EXPECT_HAS(message, p);
    RecordProperty(file, message);
  }
}

TEST(Catalogue, ShippedFileLoads) {
  PLX_NEEDS_SHARED("ship/multiple-features.h5");
  const MultiView d = load(shared("ship/multiple-features.h5"));
  EXPECT_EQ(d.format, "hdf5");
  EXPECT_EQ(d.samples, 2000);
  EXPECT_EQ(d.dims(), (std::vector<int64_t>{76, 216, 64, 240, 47, 6}));
  EXPECT_EQ(d.views[0].name, "fou");
  EXPECT_TRUE(d.views[0].is_single());
  EXPECT_EQ(d.labels.classes(), 10);
}

}  // namespace
