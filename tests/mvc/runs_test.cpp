// Promises about whole runs, for every method: same seed, same bits, for any thread count and run; shuffled labels
// change scores only; prediction repeats the run; the command line is the library; several runs side by side are the
// same runs.
#include <chrono>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include <parallax/io/hdf5.h>
#include <parallax/io/hdf5_write.h>
#include <parallax/io/npy.h>
#include <parallax/io/sha256.h>
#include <parallax/mvc/run_files.h>

#include "runs.h"

namespace parallax::testing {
namespace {

// the names in the first line of a table
std::vector<std::string> columns_of(const std::string& csv) {
  std::vector<std::string> names;
  std::stringstream line(csv.substr(0, csv.find_first_of("\r\n")));
  for (std::string name; std::getline(line, name, ',');) names.push_back(name);
  return names;
}

class EveryMethod : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryMethod, SameSeedSameBitsForThreadsAndRuns) {
  const MultiView data = blobs();
  std::vector<FitResult> r;
  std::vector<std::string> models;
  for (const int threads : {1, 2, 1}) {
    Context ctx({.seed = 3, .threads = threads});
    models.push_back(temporary("model-" + std::to_string(models.size()) + ".h5"));
    r.push_back(fit(options_for(GetParam()), data, ctx, models.back()));
  }
  for (size_t i = 1; i < r.size(); ++i) {
    EXPECT_EQ(r[i].labels, r[0].labels);
    EXPECT_EQ(r[i].embedding, r[0].embedding);
    EXPECT_EQ(content(models[i]), content(models[0]));
    ASSERT_EQ(r[i].history.size(), r[0].history.size());
    for (size_t e = 0; e < r[i].history.size(); ++e)
      EXPECT_EQ(r[i].history[e].epoch.losses, r[0].history[e].epoch.losses) << "epoch " << e + 1;
  }
  Context other({.seed = 4});
  EXPECT_NE(fit(options_for(GetParam()), data, other).embedding, r[0].embedding) << "the seed has no effect";
}

TEST_P(EveryMethod, ShuffledLabelsChangeScoresOnly) {
  const MultiView data = blobs();
  MultiView wrong = data;
  for (size_t i = 0; i < wrong.labels.values.size(); ++i) wrong.labels.values[i] = data.labels.values[(i * 37) % 150];
  MultiView none = data;
  none.labels = {};
  const std::string a = temporary("a.h5"), b = temporary("b.h5"), c = temporary("c.h5");
  Context one({.seed = 1}), two({.seed = 1}), three({.seed = 1});
  FitOptions o = options_for(GetParam());
  const FitResult x = fit(o, data, one, a);
  o.eval_every = 1;  // the evaluator reads labels, and changes nothing
  const FitResult y = fit(o, wrong, two, b);
  o.clusters = 3;
  const FitResult z = fit(o, none, three, c);
  EXPECT_EQ(x.labels, y.labels);
  EXPECT_EQ(x.embedding, y.embedding);
  EXPECT_EQ(content(a), content(b));
  EXPECT_EQ(content(a), content(c)) << "a run without labels";
  EXPECT_TRUE(z.scores.empty());
  ASSERT_FALSE(x.scores.empty());
  EXPECT_NE(x.scores[0].scores.nmi, y.scores[0].scores.nmi);
}

TEST_P(EveryMethod, PredictionRepeatsTheRunToTheBitAlsoRowByRow) {
  const MultiView data = blobs();
  const std::string model = temporary("model.h5");
  Context ctx({.seed = 2});
  const FitResult r = fit(options_for(GetParam()), data, ctx, model);
  Context fresh;
  const Predictor p(fresh, model);
  const Prediction all = p.predict(data);
  EXPECT_EQ(all.labels, r.labels);
  EXPECT_EQ(all.embedding, r.embedding);
  EXPECT_EQ(all.confidence, r.confidence);
  for (const int64_t row : {0, 77, 149}) {
    MultiView one = data;
    one.samples = 1;
    for (View& v : one.views) {
      auto& x = std::get<0>(v.values);
      x = std::vector<double>(x.begin() + row * v.cols, x.begin() + (row + 1) * v.cols);
      v.rows = 1;
    }
    const Prediction single = p.predict(one);
    EXPECT_EQ(single.labels[0], r.labels[static_cast<size_t>(row)]);
    const std::vector<float> part(r.embedding.begin() + row * r.dim, r.embedding.begin() + (row + 1) * r.dim);
    EXPECT_EQ(single.embedding, part) << "row " << row;
  }
}

TEST_P(EveryMethod, HistoryHasLossesPerTermAndViewAndScoresPerFeature) {
  Context ctx({.seed = 2});
  const FitResult r = fit(options_for(GetParam()), blobs(), ctx);
  ASSERT_EQ(static_cast<int64_t>(r.history.size()), r.epochs);
  for (size_t e = 0; e < r.history.size(); ++e) EXPECT_EQ(r.history[e].epoch.epoch, static_cast<int64_t>(e) + 1);
  const std::vector<std::string> columns = columns_of(history_csv(r.history));
  ASSERT_GE(columns.size(), 4u);
  EXPECT_EQ(std::vector<std::string>(columns.begin(), columns.begin() + 4),
            (std::vector<std::string>{"phase", "epoch", "step", "seconds"}));
  const auto has = [&](const std::string& name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  EXPECT_TRUE(has("total"));
  for (const char* view : {".0", ".1"})
    EXPECT_TRUE(has(GetParam() == "ddmc" ? str("kl", view) : str("rec", view))) << "losses of view " << view;
  for (const char* feature : {"view0", "view1", "concat", "fused"})
    for (const char* score : {"acc", "nmi", "ari", "purity", "f", "precision", "recall"})
      EXPECT_TRUE(has(str(feature, ".", score))) << feature << "." << score;
  EXPECT_EQ(score_table(r.scores).size(), r.scores.size() + 1);
}

// methods that take values as they are say so where these are large
TEST(Fit, LargeUnscaledValuesAreNamed) {
  MultiView data = blobs(60);
  auto& values = std::get<std::vector<double>>(data.views[1].values);
  for (double& x : values) x *= 100;
  const auto said = [&](const char* method, const std::string& scale) {
    FitOptions o;
    o.method = method;
    o.set = short_schedules().at(method);
    o.scale = scale;
    std::string all;
    o.log = [&](const std::string& line) { all += line + '\n'; };
    Context ctx;
    fit(o, data, ctx);
    return all.find("large values go in as they are") == std::string::npos ? std::string() : all;
  };
  const std::string note = said("distilmvc", "");
  EXPECT_NE(note.find("view_1 (root mean square"), std::string::npos) << note;
  EXPECT_EQ(note.find("view_0 (root"), std::string::npos) << note;
  EXPECT_EQ(said("distilmvc", "none"), "");
  EXPECT_EQ(said("distilmvc", "minmax"), "");
  EXPECT_EQ(said("ddmc", ""), "");  // scales by itself
}

TEST_P(EveryMethod, NothingIsAllocatedAfterWarmUp) {
  Context ctx;
  const auto method = configured_method(options_for(GetParam()));
  const MultiView data = blobs();
  std::vector<Tensor> views;
  for (const View& v : data.views) {
    Tensor t = Tensor::persistent(ctx, DType::f32, {v.rows, v.cols});
    t.assign(std::get<0>(v.values));
    views.push_back(t);
  }
  Trainer trainer(ctx, *method, views, 3);
  trainer.build();
  for (Phase& p : method->plan()) {
    trainer.prepare(p);
    for (int i = 0; i < 2; ++i) trainer.step(p);
    const uint64_t before = ctx.counters().allocations;
    for (int i = 0; i < 3; ++i) trainer.step(p);
    EXPECT_EQ(ctx.counters().allocations, before) << "phase " << p.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod, ::testing::ValuesIn(method_names()), test_name);

int shell(const std::string& command) {
  const int r = std::system((command + " 2>/dev/null >/dev/null").c_str());
  return WIFEXITED(r) ? WEXITSTATUS(r) : -1;
}
std::string set_options(const std::string& method) {
  std::string s;
  for (const auto& [k, v] : short_schedules().at(method)) s += " --set " + k + "=" + v;
  return s;
}

class CommandLine : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(program)) GTEST_SKIP() << "the command line is not built";
    ::setenv("PARALLAX_CUDA_MODULE", "none", 1);  // compared with the library on the CPU, also where a card is
    file = temporary("blobs.h5");
    write_dataset(file, blobs());
  }
  const std::string program = std::string(PLX_BIN_DIR) + "/parallax";
  std::string file;
};

TEST_F(CommandLine, IsTheLibrary) {
  const std::string out = temporary("run"), again = temporary("again");
  ASSERT_EQ(shell(program + " train --data " + file + " --method sparsemvc --seed 7 --restarts 5 --threads 2 --out " +
                  out + set_options("sparsemvc")),
            0);
  for (const char* name :
       {"config.json", "history.csv", "metrics.json", "labels.npy", "embedding.npy", "model.h5", "log.txt"})
    EXPECT_TRUE(fs::exists(out + "/" + name)) << name;
  Context ctx({.seed = 7});
  const FitResult r = fit(options_for("sparsemvc"), load(file), ctx);
  EXPECT_EQ(read_npy_labels(out + "/labels.npy"), r.labels);
  // the configuration repeats the run to the bit
  ASSERT_EQ(shell(program + " train --config " + out + "/config.json --out " + again), 0);
  EXPECT_EQ(bytes(again + "/labels.npy"), bytes(out + "/labels.npy"));
  EXPECT_EQ(bytes(again + "/embedding.npy"), bytes(out + "/embedding.npy"));
  EXPECT_EQ(content(again + "/model.h5"), content(out + "/model.h5"));
  // an existing run is kept
  EXPECT_EQ(shell(program + " train --config " + out + "/config.json --out " + again), 2);
  EXPECT_EQ(shell(program + " train --config " + out + "/config.json --force --out " + again), 0);
  EXPECT_EQ(shell(program + " predict --model " + out + " --data " + file), 0);
  EXPECT_EQ(bytes(out + "/predict-blobs/labels.npy"), bytes(out + "/labels.npy"));
  EXPECT_EQ(shell(program + " eval --labels " + out + "/labels.npy --truth " + file + " --embedding " + out +
                  "/embedding.npy --json"),
            0);
  // changed data is refused
  MultiView changed = blobs();
  std::get<0>(changed.views[0].values)[0] += 1;
  write_dataset(file, changed);
  EXPECT_EQ(shell(program + " train --config " + out + "/config.json --out " + temporary("x")), 3);
}

TEST_F(CommandLine, BaselinesOnEachViewAreThoseOnTheViewAlone) {
  const std::string out = temporary("baseline.json");
  const auto document = [&](const std::string& arguments) {
    EXPECT_EQ(
        WEXITSTATUS(std::system(
            (program + " " + arguments + " --json --quiet --data " + file + " >" + out + " 2>/dev/null").c_str())),
        0)
        << arguments;
    return nlohmann::json::parse(bytes(out));
  };
  for (const std::string name : {"kmeans", "ncuts"}) {
    const auto all = document(name + " --each-view");
    EXPECT_EQ(all["features"].size(), 3u) << name;
    EXPECT_EQ(all["features"]["concat"]["nmi"], all["scores"]["nmi"]) << name;
    for (const int v : {0, 1}) {
      const auto alone = document(name + " --views " + std::to_string(v));
      EXPECT_EQ(all["features"]["view" + std::to_string(v)]["ari"], alone["scores"]["ari"]) << name << v;
      EXPECT_FALSE(alone.contains("features"));
    }
    const std::string best = all["best_view"]["silhouette"], other = best == "view0" ? "view1" : "view0";
    EXPECT_GE(all["features"][best]["silhouette"], all["features"][other]["silhouette"]) << name;
    EXPECT_GE(all["scores"]["acc"], 0.95) << name;
  }
  EXPECT_EQ(shell(program + " ncuts --neighbours 0 --data " + file), 2);
}

TEST_F(CommandLine, SeedsSideBySideAreTheSeedsOneByOne) {
  const std::string one = temporary("one"), two = temporary("two");
  const std::string base =
      program + " train --data " + file + " --method ddmc --seeds 0..2 --restarts 3" + set_options("ddmc");
  ASSERT_EQ(shell(base + " --jobs 1 --out " + one), 0);
  ASSERT_EQ(shell(base + " --jobs 3 --threads 3 --out " + two), 0);
  for (int s = 0; s < 3; ++s) {
    const std::string run = "/seed-" + std::to_string(s);
    EXPECT_EQ(bytes(one + run + "/embedding.npy"), bytes(two + run + "/embedding.npy"));
    EXPECT_EQ(content(one + run + "/model.h5"), content(two + run + "/model.h5"));
  }
  EXPECT_TRUE(fs::exists(one + "/results.csv") && fs::exists(one + "/summary.json"));
}

TEST_F(CommandLine, FoldersOfDataSetsReportWhatFailsAndGoOn) {
  const fs::path folder = temporary("sets");
  fs::create_directories(folder);
  write_dataset((folder / "good.h5").string(), blobs());
  write_dataset((folder / "large.h5").string(), blobs(300, {5, 4, 3}, 4));
  std::ofstream(folder / "bad.mat") << "not a data set at all";
  const std::string out = temporary("sets-run"), other = temporary("sets-again");
  const std::string train = program + " train --data " + folder.string() + " --method gdcn" + set_options("gdcn");
  EXPECT_EQ(shell(train + " --seeds 1..2 --out " + out), 0) << "refused entries are not fatal";
  for (const char* run : {"/good/seed-1", "/good/seed-2", "/large/seed-1", "/large/seed-2"})
    EXPECT_TRUE(fs::exists(out + run + "/metrics.json")) << run;
  const std::string sets = bytes(out + "/datasets.csv");
  EXPECT_EQ(sets.substr(0, sets.find_first_of("\r\n")), "data,samples,views,dims,classes,format,sha256,status");
  EXPECT_NE(sets.find("\ngood,150,2,6 7,3,hdf5," + sha256_of_file((folder / "good.h5").string()) + ",ok"),
            std::string::npos)
      << sets;
  EXPECT_NE(sets.find("\nbad,,,,,,,\"refused: "), std::string::npos) << sets;
  EXPECT_NE(bytes(out + "/summary.json").find("\"large\""), std::string::npos) << "keyed by data set";
  // one run fails (eight samples, ten neighbours): the others are done, side by side as one after the other
  write_dataset((folder / "tiny.h5").string(), blobs(8, {5, 4}, 2));
  const std::string text = temporary("sets.json");
  const std::string command = train + " --seeds 1..2 --jobs 3 --threads 2 --json --out " + other;
  const int status = std::system((command + " 2>/dev/null >" + text).c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(bytes(text), bytes(other + "/summary.json"));
  for (const char* run : {"/good/seed-1", "/good/seed-2", "/large/seed-1", "/large/seed-2"})
    for (const char* name : {"/labels.npy", "/embedding.npy"})
      EXPECT_EQ(bytes(other + run + name), bytes(out + run + name)) << run;
  EXPECT_FALSE(fs::exists(other + "/tiny/seed-1"));
  EXPECT_NE(bytes(other + "/results.csv").find("\ntiny,gdcn,sound,2,knn=10 neighbours"), std::string::npos)
      << bytes(other + "/results.csv");
}

TEST_F(CommandLine, StopsAtASignalAndLeavesNothingHalfWritten) {
  for (const auto& [signal, code] : {std::pair{"INT", 130}, std::pair{"TERM", 143}}) {
    const std::string out = temporary("stopped");
    EXPECT_EQ(shell(std::string("timeout --preserve-status -s ") + signal + " 2 " + program + " train --data " + file +
                    " --method ddmc --set epochs=1000000 --out " + out),
              code);
    EXPECT_FALSE(fs::exists(out)) << "an empty folder stays";
  }
}

TEST_F(CommandLine, LostResultsAreAFailure) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full here";
  EXPECT_EQ(WEXITSTATUS(std::system((program + " info >/dev/full 2>/dev/null").c_str())), 1);
}

TEST_F(CommandLine, InfoIsQuick) {
#if defined(__SANITIZE_ADDRESS__) || !defined(NDEBUG)
  GTEST_SKIP() << "a build for debugging";
#endif
  double least = 1e9;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(shell("exec " + program + " info"), 0);
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  EXPECT_LT(least, 0.05);
}

TEST_F(CommandLine, UsageErrors) {
  const std::string train = program + " train --data " + file;
  EXPECT_EQ(shell(program + " trian"), 2);
  EXPECT_EQ(shell(train + " --method sparsemv"), 2);
  EXPECT_EQ(shell(train + " --method sparsemvc --set pre_epoch=1"), 2);
  EXPECT_EQ(shell(train + " --method sparsemvc --set tau=cold"), 2);
  EXPECT_EQ(shell(train + " --method sparsemvc --sede 1"), 2);
  EXPECT_EQ(shell(program + " train --data /nowhere/at/all.mat --method sparsemvc"), 3);
  EXPECT_EQ(shell(train + " --method sparsemvc --clusters 1000 --out " + temporary("k")), 2);
  EXPECT_EQ(shell(program + " classify --data " + file + " --method ddmc --out " + temporary("c")), 2);
  EXPECT_EQ(shell(program + " --version"), 0);
  EXPECT_EQ(shell(program + " info --json"), 0);
  EXPECT_EQ(shell(program + " train --help sparsemvc"), 0);
}

TEST_F(CommandLine, CorruptedDataCanBeReadAgain) {
  const std::string out = temporary("corrupt/noisy.h5");
  fs::create_directories(fs::path(out).parent_path());
  ASSERT_EQ(shell(program + " corrupt " + file + " " + out + " --corrupt noise=0.3,missing=0.2,conflict=0.1,seed=4"),
            0);
  const MultiView back = load(out);
  EXPECT_EQ(back.samples, 150);
  const std::string masks = fs::path(out).replace_extension(".masks.h5").string();
  ASSERT_TRUE(fs::exists(masks));
  const std::vector<int64_t> m = read_hdf5(masks, {}, true).at("/missing").as_i64();
  int64_t rows = 0;
  for (size_t i = 0; i < 150; ++i) rows += m[2 * i] + m[2 * i + 1] > 0;
  EXPECT_EQ(rows, 30);
  for (size_t i = 0; i < 150; ++i)
    for (size_t v = 0; v < 2; ++v)
      if (m[2 * i + v] != 0) {
        for (int64_t j = 0; j < back.views[v].cols; ++j) EXPECT_EQ(back.views[v].at(static_cast<int64_t>(i), j), 0);
      }
}

}  // namespace
}  // namespace parallax::testing
