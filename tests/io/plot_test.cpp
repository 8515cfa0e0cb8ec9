// Charts: both files appear, are what their names say, hostile names do no harm, and a missing gnuplot is a sentence.
#include <cmath>
#include <cstdlib>

#include <parallax/io/plot.h>

#include "shared.h"

using namespace parallax;
using namespace parallax_test;

namespace {

Plot example() {
  Plot p;
  p.title = "MSRCV1, sparsemvc, seed 0";
  p.phases = {{"pretrain", 1}, {"contrast", 201}, {"fine-tune", 301}};
  PlotPanel loss{"loss", true, {}};
  for (const char* name : {"total", "reconstruction", "sparsity", "contrast"}) {
    PlotSeries s{name, {}, {}};
    const double level = 1.0 + static_cast<double>(loss.series.size());
    for (int e = 1; e <= 400; ++e) {
      s.x.push_back(e);
      const bool absent = std::string(name) == "contrast" && e < 201;
      s.y.push_back(absent ? NAN
                           : 0.01 * level + std::exp(-e / (30.0 * level)) * (1 + 0.05 * std::sin(e * level)) / level);
    }
    loss.series.push_back(s);
  }
  PlotPanel scores{"score", false, {}};
  for (const char* name : {"fused acc", "fused nmi", "fused ari", "view0 acc", "view1 acc", "concat acc"}) {
    PlotSeries s{name, {}, {}};
    const double level = 0.95 - 0.1 * static_cast<double>(scores.series.size());
    for (int e = 20; e <= 400; e += 20) {
      s.x.push_back(e);
      s.y.push_back(level * (1 - std::exp(-e / 90.0)));
    }
    scores.series.push_back(s);
  }
  p.panels = {loss, scores};
  return p;
}

TEST(Plot, DrawsPngAndSvg) {
  if (gnuplot_path().empty()) GTEST_SKIP() << "gnuplot is not installed (gnuplot-nox)";
  const std::string stem = scratch("plot") + "/curves";
  EXPECT_EQ(draw(example(), stem), "");
  EXPECT_EQ(read_text(stem + ".png").substr(0, 8), "\x89PNG\r\n\x1a\n");
  const std::string svg = read_text(stem + ".svg");
  EXPECT_HAS(svg, "<svg");
  EXPECT_HAS(svg, "reconstruction");
  EXPECT_HAS(svg, "fine-tune");
  EXPECT_FALSE(exists(stem + ".gp"));
  EXPECT_EQ(entries(stem.substr(0, stem.size() - 7)), 2u) << "temporary files were left";
}

TEST(Plot, NamesCannotRunCommands) {
  if (gnuplot_path().empty()) GTEST_SKIP() << "gnuplot is not installed (gnuplot-nox)";
  const std::string folder = scratch("plot"), victim = folder + "/ran";
  Plot p = example();
  p.title = "`touch " + victim + "` ' \n system('touch " + victim + "')";
  p.panels[0].series[0].name = "it's `touch " + victim + "`";
  p.phases[1].name = "'; system('touch " + victim + "'); '";
  EXPECT_EQ(draw(p, folder + "/curves"), "");
  EXPECT_FALSE(exists(victim));
  EXPECT_HAS(read_text(folder + "/curves.svg"), "it\xe2\x80\x99s `touch");
}

TEST(Plot, WithoutGnuplotTheScriptStays) {
  const std::string stem = scratch("plot") + "/curves";
  ::setenv("PARALLAX_GNUPLOT", "/nowhere/gnuplot", 1);
  const std::string sentence = draw(example(), stem);
  ::setenv("PARALLAX_GNUPLOT", "/bin/false", 1);
  const std::string broken = draw(example(), stem + "2");
  ::unsetenv("PARALLAX_GNUPLOT");
  EXPECT_HAS(sentence, "install gnuplot-nox");
  EXPECT_HAS(read_text(stem + ".gp"), "EOD");
  EXPECT_HAS(broken, "failed");
  EXPECT_FALSE(exists(stem + ".png"));
}

TEST(Plot, OnlyGapsAreNothing) {
  Plot p;
  p.panels = {{"loss", false, {{"a", {1, 2}, {NAN, NAN}}}}};
  EXPECT_EQ(draw(p, scratch("plot") + "/curves"), "nothing to plot");
}

}  // namespace
