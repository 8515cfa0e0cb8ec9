// The layout rules on small files made here: labels, views, orientation, and each refusal with its reason.
#include <chrono>
#include <cmath>

#include <parallax/io/hdf5_write.h>
#include <parallax/io/load.h>

#include "mat_writer.h"
#include "shared.h"

using namespace parallax;
using namespace parallax_test;

namespace {

// rows x cols, column-major, element (r, c) = base + 10 r + c
std::vector<double> grid(int rows, int cols, double base = 0) {
  std::vector<double> v;
  for (int c = 0; c < cols; ++c)
    for (int r = 0; r < rows; ++r) v.push_back(base + 10 * r + c);
  return v;
}
std::vector<double> turned(int rows, int cols, double base = 0) {  // the same data stored cols x rows
  std::vector<double> v;
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < cols; ++c) v.push_back(base + 10 * r + c);
  return v;
}

const MatWriter w;
const std::vector<double> six = {5, 5, 7, 7, 9, 9};  // labels of six samples

std::string saved(const std::vector<std::string>& variables, const MatWriter& writer = w) {
  std::string path = scratch("layout") + "/set.mat";
  write_file(path, writer.file(variables));
  return path;
}
MultiView get(const std::vector<std::string>& variables, const LoadOptions& options = {}) {
  return load(saved(variables), options);
}
std::string refused(const std::vector<std::string>& variables, const LoadOptions& options = {},
                    ErrorKind kind = ErrorKind::data) {
  const std::string path = saved(variables);
  std::string message = refusal([&] { load(path, options); }, kind);
  EXPECT_HAS(message, path);
  return message;
}
void expect_grid(const MultiView& d, size_t view = 0, double base = 0) {
  ASSERT_GT(d.views.size(), view);
  for (int64_t r = 0; r < d.views[view].rows; ++r)
    for (int64_t c = 0; c < d.views[view].cols; ++c)
      ASSERT_EQ(d.views[view].at(r, c), base + 10.0 * static_cast<double>(r) + static_cast<double>(c));
}
std::string notes(const MultiView& d) {
  std::string t;
  for (const std::string& n : d.notes) t += n + "\n";
  return t;
}
const std::string y = w.numeric("Y", {6, 1}, six);
const std::string x1 = w.numeric("X1", {6, 2}, grid(6, 2)), x2 = w.numeric("X2", {6, 3}, grid(6, 3, 100));

TEST(Containers, BigEndianAndCompressed) {
  const MatWriter big(true);
  for (const bool packed : {false, true}) {
    std::vector<std::string> v = {big.numeric("X1", {6, 2}, grid(6, 2)),
                                  big.floats("X2", {6, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
                                  big.numeric("Y", {6, 1}, six)};
    if (packed)
      for (std::string& s : v) s = big.deflated(s);
    const MultiView d = load(saved(v, big));
    expect_grid(d);
    EXPECT_TRUE(d.views[1].is_single());
    EXPECT_EQ(d.views[1].at(1, 1), 8);
    EXPECT_EQ(d.labels.values, (std::vector<int32_t>{0, 0, 1, 1, 2, 2}));
    EXPECT_EQ(d.labels.originals, (std::vector<std::string>{"5", "7", "9"}));
  }
}

TEST(Containers, Mat4InBothByteOrders) {
  for (const bool order : {false, true}) {
    const MatWriter m(order);
    const std::string path = scratch("mat4") + "/set.mat";
    write_file(path, m.matrix4<double>("X1", 0, 6, 2, grid(6, 2)) + m.matrix4<float>("X2", 1, 6, 3, grid(6, 3)) +
                         m.matrix4<double>("note", 0, 1, 3, {'a', 'b', 'c'}, 1) +
                         m.matrix4<double>("X3", 0, 4, 3, {1, 2, 6, 6, 1, 2, 1, 2, 9, 8, 7, 0}, 2) +  // sparse 6 x 2
                         m.matrix4<uint8_t>("Y", 5, 6, 1, six));
    const MultiView d = load(path);
    EXPECT_EQ(d.format, "mat4");
    expect_grid(d, 0);
    expect_grid(d, 1);
    EXPECT_TRUE(d.views[1].is_single());
    ASSERT_EQ(d.views.size(), 3u);
    EXPECT_EQ(d.views[2].at(0, 0), 9);
    EXPECT_EQ(d.views[2].at(1, 1), 8);
    EXPECT_EQ(d.views[2].at(5, 0), 7);
    EXPECT_EQ(d.views[2].at(5, 1), 0);
    EXPECT_EQ(d.labels.classes(), 3);
  }
}

TEST(Containers, NestedStructTextAndPackedElements) {
  const std::string inner =
      w.structure("", {{"Y", w.numeric("", {6, 1}, six)},
                       {"X", w.cell("", {2, 1}, {w.numeric("", {6, 2}, grid(6, 2)), w.bytes("", {6, 1}, "abcdef")})}});
  const MultiView d =
      get({w.structure("outer", {{"inner", inner}, {"about", w.text("", "words")}}), w.text("info", "more")});
  expect_grid(d);
  EXPECT_EQ(d.views[0].name, "X{1}");
  EXPECT_EQ(d.views[1].at(5, 0), 'f');
  EXPECT_EQ(d.views[1].stored_type, "double");
  // one value of 1 to 4 bytes sits inside its tag
  EXPECT_EQ(get({w.cell("X", {1, 2}, {w.numeric("", {4, 2}, grid(4, 2)), w.bytes("", {4, 1}, "abcd")}),
                 w.bytes("Y", {4, 1}, std::string("\1\1\2\2", 4))})
                .views[1]
                .at(3, 0),
            'd');
}

TEST(Containers, SparseBothWaysUp) {
  const std::string s = w.sparse("", 6, 3, {0, 5, 2}, {0, 2, 2, 3}, {4, 6, 8});
  const std::string t = w.sparse("", 3, 6, {0, 2, 1}, {0, 1, 1, 2, 2, 2, 3}, {4, 8, 6});
  const MultiView d = get({w.cell("X", {1, 2}, {s, t}), y});
  EXPECT_EQ(d.views[0].at(0, 0), 4);
  EXPECT_EQ(d.views[0].at(5, 0), 6);
  EXPECT_EQ(d.views[0].at(2, 2), 8);
  EXPECT_TRUE(d.views[1].transposed);
  EXPECT_EQ(d.views[1].at(0, 0), 4);
  EXPECT_EQ(d.views[1].at(2, 2), 8);
  EXPECT_EQ(d.views[1].at(5, 1), 6);
  const auto bad = [&](const std::vector<int32_t>& ir, const std::vector<int32_t>& jc, const std::vector<double>& v) {
    return refused({w.cell("X", {1, 2}, {w.sparse("", 6, 3, ir, jc, v), w.numeric("", {6, 2}, grid(6, 2))}), y});
  };
  EXPECT_HAS(bad({0, 6, 2}, {0, 2, 2, 3}, {4, 6, 8}), "row index 6");
  EXPECT_HAS(bad({0, 5, 2}, {0, 2, 1, 3}, {4, 6, 8}), "not ascending");
  EXPECT_HAS(bad({0, 5, 2}, {0, 2, 2, 9}, {4, 6, 8}), "claims 9 nonzeros");
  EXPECT_HAS(bad({0, 5, 2}, {0, 2, 3}, {4, 6, 8}), "column starts");
}

TEST(Labels, ShapesThatQualify) {
  const std::vector<std::string> forms = {
      w.numeric("gt", {1, 6}, six), w.numeric("gnd", {6, 2}, {5, 5, 7, 7, 9, 9, 5, 5, 7, 7, 9, 9}),
      w.numeric("LABELS", {6, 3}, {1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1}),
      w.cell("truelabel", {1, 2}, {w.numeric("", {1, 6}, six), w.numeric("", {6, 1}, six)}),
      w.numeric("secret", {6, 1}, six)};
  for (const std::string& f : forms) {
    const MultiView d = get({x1, x2, f});
    EXPECT_EQ(d.labels.values, (std::vector<int32_t>{0, 0, 1, 1, 2, 2})) << notes(d);
  }
  // but not one that a family of views needs
  const MultiView family = get({x1, w.numeric("X2", {6, 1}, six), w.numeric("X3", {6, 3}, grid(6, 3))});
  EXPECT_TRUE(family.labels.values.empty());
  EXPECT_EQ(family.dims(), (std::vector<int64_t>{2, 1, 3}));
  // the first name of the list wins, and the user's choice wins over it
  const std::vector<std::string> two = {x1, x2, w.numeric("gt", {6, 1}, {1, 1, 1, 2, 2, 2}), y};
  EXPECT_EQ(get(two).labels.name, "Y");
  LoadOptions o;
  o.labels = "gt";
  EXPECT_EQ(get(two, o).labels.classes(), 2);
  o.labels = "nope";
  EXPECT_HAS(refused(two, o, ErrorKind::config), "no variable 'nope'");
}

TEST(Labels, Refusals) {
  EXPECT_HAS(refused({x1, x2, w.numeric("Y", {6, 1}, {1, 1, 2, 2, 2.5, 2.5})}), "Y (6 x 1 double): value 5 is 2.5");
  EXPECT_HAS(refused({x1, x2, w.numeric("Y", {6, 1}, {1, 1, 2, 2, 2, NAN})}), "integral");
  EXPECT_HAS(
      refused({x1, x2, w.cell("Y", {1, 2}, {w.numeric("", {1, 6}, six), w.numeric("", {1, 6}, {5, 5, 7, 7, 9, 7})})}),
      "Y{2}");
  EXPECT_HAS(refused({x1, x2, w.numeric("Y", {6, 1}, {1, 1, 1, 1, 1, 1})}), "1 class");
  EXPECT_HAS(refused({x1, x2, w.numeric("Y", {6, 1}, {1, 2, 3, 4, 4, 4})}), "4 classes for 6 samples");
  LoadOptions relaxed;
  relaxed.relax_classes = true;
  EXPECT_EQ(get({x1, x2, w.numeric("Y", {6, 1}, {1, 2, 3, 4, 4, 4})}, relaxed).labels.classes(), 4);
  EXPECT_HAS(refused({w.numeric("L", {6, 1}, six)}), "without any view");
}

TEST(Views, RulesInOrder) {
  // 1: a named cell, copies beside it ignored
  const std::string cell =
      w.cell("fea", {2, 1}, {w.numeric("", {6, 2}, grid(6, 2)), w.numeric("", {6, 3}, grid(6, 3, 100))});
  const std::string other =
      w.cell("W", {1, 2}, {w.numeric("", {6, 2}, grid(6, 2)), w.numeric("", {6, 3}, grid(6, 3, 100))});
  EXPECT_EQ(get({x1, x2, cell, y}).notes[0], "views fea{1..2}, labels Y, rows are samples");
  // 2: the only cell, with labels; not without, not two
  EXPECT_EQ(get({other, y}).notes[0], "views W{1..2}, labels Y, rows are samples");
  EXPECT_HAS(refused({other}), "no views found");
  EXPECT_HAS(
      refused({other, w.cell("Q", {1, 2}, {w.numeric("", {6, 2}, grid(6, 2)), w.numeric("", {6, 3}, grid(6, 3))}), y}),
      "W (1 x 2 cell), Q (1 x 2 cell)");
  // cells of vectors are never views
  EXPECT_EQ(get({w.cell("X", {1, 2}, {w.numeric("", {1, 6}, six), w.numeric("", {1, 6}, six)}),
                 w.numeric("v2", {6, 3}, grid(6, 3, 100)), w.numeric("v1", {6, 2}, grid(6, 2)), y})
                .notes[0],
            "views v1..v2, labels Y, rows are samples");
  // 3: families by number, not by place; a preferred prefix; gaps are none
  const MultiView d = get({x2, x1, y});
  EXPECT_EQ(d.views[0].name, "X1");
  const std::string a = w.numeric("aa_1", {6, 2}, grid(6, 2)), b = w.numeric("aa_2", {6, 3}, grid(6, 3)),
                    c = w.numeric("bb1", {6, 2}, grid(6, 2, 1)), e = w.numeric("bb2", {6, 3}, grid(6, 3, 1));
  EXPECT_EQ(get({a, b, x1, x2, y}).views[0].name, "X1");
  EXPECT_HAS(refused({a, b, c, e, y}), "aa_1..aa_2, bb1..bb2");
  EXPECT_EQ(get({w.numeric("view_10", {6, 2}, grid(6, 2)), w.numeric("view_9", {6, 2}, grid(6, 2, 1)), y}).notes[0],
            "views view_10, view_9, labels Y, rows are samples");
  // 4: matrices with n samples, with a warning
  const MultiView f = get({w.numeric("shape", {6, 2}, grid(6, 2)), w.numeric("colour", {3, 6}, turned(6, 3, 100)),
                           w.numeric("small", {2, 2}, grid(2, 2)), y});
  EXPECT_EQ(f.views.size(), 2u);
  EXPECT_HAS(notes(f), "warning: no variable name says");
  expect_grid(f, 1, 100);
}

TEST(Views, Refusals) {
  EXPECT_HAS(refused({x1, y}), "one view only, X1 (6 x 2 double)");
  EXPECT_HAS(refused({x1, w.numeric("X2", {5, 3}, grid(5, 3)), y}),
             "X2 (5 x 3 double) has neither rows nor columns equal to the 6 labels Y");
  EXPECT_HAS(refused({x1, w.numeric("X2", {6, 2}, grid(6, 2), 0x0800), y}), "X2 (6 x 2 complex double) is complex");
  std::vector<double> holes = grid(6, 3);
  holes[0] = NAN;
  holes[4] = HUGE_VAL;
  EXPECT_HAS(refused({x1, w.numeric("X2", {6, 3}, holes), y}),
             "incomplete multi-view data: NaN or infinite values (view X2: 2 of 6 samples)");
  EXPECT_HAS(refused({w.cell("X", {1, 2}, {w.numeric("", {6, 2}, grid(6, 2)), w.numeric("", {6, 0}, {})}), y}),
             "X{2} (6 x 0 double) is empty");
  EXPECT_HAS(refused({w.text("a", "b")}), "no views found");
  // orientation without labels: one size common to all
  EXPECT_EQ(get({x1, x2}).samples, 6);
  EXPECT_HAS(refused({x1, w.numeric("X2", {6, 2}, grid(6, 2, 1))}), "ambiguous orientation");
  EXPECT_HAS(refused({x1, w.numeric("X2", {5, 3}, grid(5, 3))}), "sample counts of the views differ");
  LoadOptions o;
  o.expected_dims = {2, 2};
  EXPECT_EQ(get({x1, w.numeric("X2", {6, 2}, grid(6, 2, 1))}, o).samples, 6);
}

TEST(Views, OrientationAndOptions) {
  // each view alone; a square one follows the majority
  const std::string square = w.numeric("X3", {6, 6}, turned(6, 6, 1)), turned1 = w.numeric("X1", {2, 6}, turned(6, 2)),
                    turned2 = w.numeric("X2", {3, 6}, turned(6, 3, 100));
  MultiView d = get({turned1, turned2, square, y});
  EXPECT_EQ(d.notes[0], "views X1..X3, labels Y, columns are samples");
  expect_grid(d, 2, 1);
  d = get({turned1, x2, y});
  EXPECT_EQ(d.notes[0], "views X1..X2, labels Y, rows are samples of X2, columns of X1");
  LoadOptions o;
  o.transpose = {2};
  expect_grid(get({x1, x2, square, y}, o), 2, 1);
  o.transpose = {0};
  EXPECT_HAS(refused({x1, x2, y}, o), "features x samples, does not fit");
  o.transpose = {};
  o.views = {1, 0};
  EXPECT_EQ(get({x1, x2, y}, o).dims(), (std::vector<int64_t>{3, 2}));
  o.views = {1};
  EXPECT_EQ(get({x1, x2, y}, o).dims(), (std::vector<int64_t>{3}));
  o.views = {2};
  EXPECT_HAS(refused({x1, x2, y}, o, ErrorKind::config), "names view 2; there are 2 views");
  o.views = {0};
  EXPECT_EQ(get({w.numeric("fea", {6, 2}, grid(6, 2)), y}, o).dims(), (std::vector<int64_t>{2}));
  // 3-d: the last dimension is fastest; the sample may be last
  const MultiView images = get({x1, w.numeric("X2", {6, 2, 2}, {0, 10, 20, 30, 40, 50, 2, 12, 22, 32, 42, 52,
                                                                1, 11, 21, 31, 41, 51, 3, 13, 23, 33, 43, 53}),
                                y});
  expect_grid(images, 1);
  std::vector<double> last;
  for (int n = 0; n < 6; ++n)
    for (const int k : {0, 2, 1, 3}) last.push_back(10 * n + k);
  expect_grid(get({x1, w.numeric("X2", {2, 2, 6}, last), y}), 1);
}

TEST(Views, MasksAndTrainTest) {
  std::vector<double> gone = grid(6, 3, 100);
  for (int c = 0; c < 3; ++c) gone[static_cast<size_t>(c * 6 + 1)] = 0;
  const std::string mask = w.numeric("mask", {6, 2}, {1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1});
  EXPECT_HAS(refused({x1, w.numeric("X2", {6, 3}, gone), mask, y}),
             "mask mask (6 x 2 double) marks missing samples, which are all zero (view X1: 0 of 6 samples, view X2: 1 "
             "of 6 samples)");
  EXPECT_HAS(notes(get({x1, x2, mask, y})), "marked samples hold data");
  EXPECT_EQ(notes(get({x1, x2, w.numeric("mask", {6, 2}, std::vector<double>(12, 1)), y})).find("mask"),
            std::string::npos);

  std::vector<std::string> split;
  for (const char* part : {"_test", "_train"}) {  // joined as train, test wherever they lie in the file
    const bool test = std::string(part) == "_test";
    const int n = test ? 2 : 4;
    const double base = test ? 40 : 0;
    split.push_back(w.numeric(std::string("x1") + part, {n, 2}, grid(n, 2, base)));
    split.push_back(w.numeric(std::string("x2") + part, {3, n}, turned(n, 3, base)));
    split.push_back(w.numeric(std::string("gt") + part, {1, n},
                              test ? std::vector<double>{9, 9} : std::vector<double>{5, 5, 7, 7}));
  }
  const MultiView d = get(split);
  expect_grid(d, 0);
  expect_grid(d, 1);
  EXPECT_EQ(d.labels.values, (std::vector<int32_t>{0, 0, 1, 1, 2, 2}));
}

TEST(Folders, CsvLabelsAndRefusals) {
  const std::string f = scratch("csv");
  write_file(f + "/view2.csv", "\"a\",b\n1,2\n3,4\n5,6\n7,8\n");
  write_file(f + "/view10.csv", "1.5;2\r\n3;4\r\n5;6\r\n+7;-8e0\r\n");
  EXPECT_EQ(load(f).samples, 4) << "csv rows are samples, labels or not";
  write_file(f + "/labels.csv", "class\n1\n1\n2\n2\n");
  const MultiView d = load(f + "/");
  EXPECT_EQ(d.format, "csv");
  EXPECT_EQ(d.name, file_name(f));
  EXPECT_EQ(d.views[0].name, "view2");
  EXPECT_EQ(d.views[1].at(3, 1), -8);
  EXPECT_EQ(d.labels.classes(), 2);
  EXPECT_EQ(load_labels(f + "/labels.csv").values, d.labels.values);
  const std::string sha = d.sha256;
  write_file(f + "/view10.csv", "1.5,2\n3,4\n5,x\n7,8\n");
  const std::string message = refusal([&] { load(f); });
  EXPECT_HAS(message, "view10.csv: line 3, column 2: 'x' is not a number");
  write_file(f + "/view10.csv", "1,2\n3,4,5\n");
  EXPECT_HAS(refusal([&] { load(f); }), "line 2 has 3 fields, the lines before have 2");
  write_file(f + "/view10.csv", "1\n2\n3\n");
  EXPECT_HAS(refusal([&] { load(f); }), "neither rows nor columns equal to the 4 labels");
  write_file(f + "/view10.csv", "1\n2\n3\n4\n");
  EXPECT_EQ(load(f).views[1].cols, 1);
  EXPECT_NE(load(f).sha256, sha);
  // a link to a file elsewhere is not followed
  ASSERT_EQ(::symlink("/etc/passwd", (f + "/view3.csv").c_str()), 0);
  EXPECT_HAS(refusal([&] { load(f); }), "symbolic link");
}

TEST(Folders, FilesOfManyFormats) {
  const std::string f = scratch("folder");
  write_file(f + "/img.mat", w.file({w.numeric("I", {6, 2}, grid(6, 2))}));
  write_file(f + "/txt.mat", w.file({w.numeric("T", {6, 3}, grid(6, 3))}));
  write_file(f + "/L.mat", w.file({w.numeric("L", {6, 1}, six)}));
  write_file(f + "/README.txt", "words");
  const MultiView d = load(f);
  EXPECT_EQ(d.notes[0], "views img, txt, labels L, rows are samples");
  // a view of one column: beside labels, under a view's name, or with values that no labels have
  write_file(f + "/more.mat", w.file({w.numeric("W", {1, 6}, six), w.numeric("Y", {6, 1}, six)}));
  EXPECT_EQ(load(f).dims(), (std::vector<int64_t>{2, 1, 3}));
  write_file(f + "/more.mat", w.file({w.numeric("fea", {6, 1}, six)}));
  EXPECT_EQ(load(f).dims(), (std::vector<int64_t>{2, 1, 3}));
  write_file(f + "/more.mat", w.file({w.numeric("W", {6, 1}, {1.5, 2, 2, 3, 3, 1})}));
  EXPECT_EQ(load(f).dims(), (std::vector<int64_t>{2, 1, 3}));
  write_file(f + "/more.mat", w.file({w.numeric("W", {6, 1}, six)}));
  EXPECT_HAS(refusal([&] { load(f); }), "holds neither a matrix nor labels") << "it may be either";
  write_file(f + "/more.mat", w.file({x1, x2}));
  EXPECT_HAS(refusal([&] { load(f); }), "must hold one matrix");
  write_file(f + "/more.mat", w.file({x1, w.numeric("Y", {6, 1}, {1, 1, 1, 2, 2, 2})}));
  EXPECT_HAS(refusal([&] { load(f); }), "differ from those");
  EXPECT_HAS(refusal([&] { load(scratch("empty")); }), "holds no data files");
}

TEST(Containers, Refusals) {
  const std::string f = scratch("odd");
  const auto content = [&](const std::string& bytes) {
    write_file(f + "/file.mat", bytes);
    return refusal([&] { load(f + "/file.mat"); });
  };
  EXPECT_HAS(content("a,b\n1,2\n"), "is a text file");
  EXPECT_HAS(content(std::string("\x01\x02\x03\xff\xfe", 5)), "unknown container, starting with '\\x01\\x02\\x03");
  EXPECT_HAS(content(""), "empty");
  EXPECT_HAS(content("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 5\n"), "Git LFS pointer");
  EXPECT_HAS(content("PK\x03\x04garbage"), "unreadable npz");
  EXPECT_HAS(content(std::string("\x89HDF\r\n\x1a\n") + std::string(200, 'x')), "unreadable HDF5");
  EXPECT_HAS(refusal([&] { load(f + "/nowhere.mat"); }), "No such file");
  ASSERT_EQ(::mkfifo((f + "/pipe.mat").c_str(), 0600), 0);
  EXPECT_HAS(refusal([&] { load(f + "/pipe.mat"); }), "not a regular file");
  // a few bytes that ask for the world
  LoadOptions small;
  small.max_bytes = 1 << 20;
  const std::string bomb = w.deflated(w.numeric("X1", {1000, 1000}, std::vector<double>(1000000)));
  write_file(f + "/bomb.mat", w.file({bomb, x2, y}));
  EXPECT_HAS(refusal([&] { load(f + "/bomb.mat", small); }), "over the limit of");
  EXPECT_HAS(refused({w.matrix(w.header(6, {2147483647, 2147483647}, "X1") + w.doubles({1}))}), "damaged");
  // each of these sparse matrices is allowed 200 MB of zeros, all of them together are not
  const std::string zeros = w.sparse("", 4000000, 6, {}, {0, 0, 0, 0, 0, 0, 0}, {});
  EXPECT_HAS(refused({w.cell("X", {1, 3}, {zeros, zeros, zeros}), y}), "declares 192.0 MB but only");
  EXPECT_HAS(
      refused({w.cell("X", {1, 2}, {w.sparse("", 6, 2147483647, {}, {0}, {}), w.numeric("", {6, 2}, grid(6, 2))}), y}),
      "declares");
}

// Time must not grow with the square of what a file holds.
TEST(Containers, ManyVariablesAreReadInLinearTime) {
  std::vector<std::string> many = {x1, x2, y};
  for (int i = 0; i < 20000; ++i) {
    many.push_back(w.numeric("p" + std::to_string(i) + "_1", {2, 2}, {1, 2, 3, 4}));
    many.push_back(w.numeric("q" + std::to_string(i) + (i % 2 ? "z" : ""), {1, 5}, {1, 1, 2, 2, 3}));
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(get(many).views.size(), 2u);
  many.erase(many.begin(), many.begin() + 3);
  refused(many);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 20.0);
}

}  // namespace
