#include "plot.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "../tensor/error.h"
#include "bytes.h"
#include "csv.h"
#include "files.h"

extern char** environ;

namespace parallax {

namespace {

// Single quotes: gnuplot runs what stands in backticks, but not inside these. Data set names come from files.
std::string quoted(const std::string& text, size_t limit = 120) {
  std::string out = "'";
  for (const char c : printable(text, limit)) {
    if (c == '\'')
      out += "\xe2\x80\x99";  // a typographic one: doubled quotes confuse its parser
    else
      out += c;
  }
  return out + "'";
}

// colours that stay apart for colour-blind readers (Okabe and Ito), darkest first
constexpr const char* colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9",
                                   "#E69F00", "#000000", "#8C6D1F", "#7F7F7F"};
constexpr int dashes[] = {1, 2, 4, 5};

struct Range {
  double low = HUGE_VAL, high = -HUGE_VAL;
};

Range x_range(const Plot& p) {
  Range r;
  for (const PlotPanel& panel : p.panels)
    for (const PlotSeries& s : panel.series)
      for (const double x : s.x) {
        r.low = std::min(r.low, x);
        r.high = std::max(r.high, x);
      }
  if (r.low > r.high) r = {0, 1};
  if (r.low == r.high) r.high = r.low + 1;
  return r;
}

bool has_points(const PlotPanel& panel) {
  for (const PlotSeries& s : panel.series)
    for (size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i)
      if (std::isfinite(s.y[i]) && (!panel.log_y || s.y[i] > 0)) return true;
  return false;
}

std::string body(const Plot& p) {
  std::string s;
  std::vector<const PlotPanel*> panels;
  for (const PlotPanel& panel : p.panels)
    if (has_points(panel)) panels.push_back(&panel);
  for (size_t k = 0; k < panels.size(); ++k)
    for (size_t j = 0; j < panels[k]->series.size(); ++j) {
      const PlotSeries& series = panels[k]->series[j];
      s += "$d" + std::to_string(k) + "_" + std::to_string(j) + " << EOD\n";
      for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i) {
        const bool gap = !std::isfinite(series.y[i]) || (panels[k]->log_y && series.y[i] <= 0);
        s += gap ? "\n" : number_text(series.x[i]) + " " + number_text(series.y[i]) + "\n";
      }
      s += "EOD\n";
    }
  const Range x = x_range(p);
  s += "set encoding utf8\nset border 3 lc rgb '#404040' lw 0.8\nset tics nomirror out scale 0.6 tc rgb '#404040'\n"
       "set grid ytics lt 1 lc rgb '#e4e4e4' lw 0.7\n"
       "unset key\n";
  s += "set xrange [" + number_text(x.low) + ":" + number_text(x.high) + "]\n";
  const double top = 0.90, bottom = 0.11, gap = 0.05;
  const double height = panels.empty() ? 0.8
                                       : (top - bottom - gap * static_cast<double>(panels.size() - 1)) /
                                             static_cast<double>(panels.size());
  s += "set multiplot\nset lmargin at screen 0.09\nset rmargin at screen 0.79\n";
  for (size_t k = 0; k < panels.size(); ++k) {
    const PlotPanel& panel = *panels[k];
    const double high = top - static_cast<double>(k) * (height + gap);
    s += "set tmargin at screen " + number_text(high) + "\nset bmargin at screen " + number_text(high - height) + "\n";
    s += k == 0 ? "set title " + quoted(p.title) + " noenhanced font ',13' offset 0," +
                      (p.phases.size() > 1 ? "1.1" : "0") + "\n"
                : "unset title\n";
    s += "set key at screen 0.8, screen " + number_text(high) +
         " left top vertical Left reverse samplen 2 spacing 1.15 noenhanced font ',10'\n";
    s += panel.log_y ? "set logscale y\nset format y '10^{%L}'\n" : "unset logscale y\nset format y '%.4g'\n";
    s += k + 1 == panels.size() ? "set xlabel " + quoted(p.x_label) + " noenhanced\nset format x '%.0f'\n"
                                : "unset xlabel\nset format x ''\n";
    s += "unset arrow\nunset label\n";
    s += "set label 1000 " + quoted(panel.label) + " at screen 0.022, screen " + number_text(high - height / 2) +
         " rotate center noenhanced\n";
    for (size_t i = 0; i < p.phases.size() && p.phases.size() > 1; ++i) {
      const double start = p.phases[i].start, end = i + 1 < p.phases.size() ? p.phases[i + 1].start : x.high;
      if (i > 0)
        s += "set arrow from first " + number_text(start) + ", graph 0 to first " + number_text(start) +
             ", graph 1 nohead lc rgb '#808080' dt 3 lw 1\n";
      if (k == 0)
        s += "set label " + std::to_string(i + 1) + " " + quoted(p.phases[i].name) + " at first " +
             number_text((std::max(start, x.low) + end) / 2) +
             ", graph 1 center offset 0,0.6 noenhanced font ',10' tc rgb '#606060'\n";
    }
    std::string lines;
    for (size_t j = 0; j < panel.series.size(); ++j) {
      const PlotSeries& series = panel.series[j];
      const size_t count = static_cast<size_t>(
          std::count_if(series.y.begin(), series.y.end(), [](double y) { return std::isfinite(y); }));
      if (count == 0) continue;
      const char* colour = colours[j % std::size(colours)];
      // scores are taken every few epochs: few points are shown as such
      const std::string style = count <= 40 ? "linespoints pt 7 ps 0.45" : "lines";
      lines += (lines.empty() ? "plot " : ", ") + std::string("$d") + std::to_string(k) + "_" + std::to_string(j) +
               " using 1:2 with " + style + " lw 1.8 dt " +
               std::to_string(dashes[j / std::size(colours) % std::size(dashes)]) + " lc rgb '" + colour + "' title " +
               quoted(series.name);
    }
    s += lines + "\n";
  }
  return s + "unset multiplot\n";
}

std::string script(const Plot& p, const std::string& terminal, const std::string& output) {
  return "set terminal " + terminal + "\nset output " + quoted(output, 8192) + "\n" + body(p) + "set output\n";
}

int run_gnuplot(const std::string& gnuplot, const std::string& text) {
  // the script comes from a file in memory: a pipe would raise SIGPIPE in this process if gnuplot died early
  const int fd = ::memfd_create("parallax-plot", MFD_CLOEXEC);
  PLX_CHECK(io, fd >= 0, "cannot hold the plot script: ", errno_text(errno));
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  ::lseek(fd, 0, SEEK_SET);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fd, 0);
  for (const int out : {1, 2}) posix_spawn_file_actions_addopen(&actions, out, "/dev/null", O_WRONLY, 0);
  const char* argv[] = {gnuplot.c_str(), nullptr};
  pid_t child = -1;
  const int error = done == text.size()
                        ? ::posix_spawn(&child, gnuplot.c_str(), &actions, nullptr, const_cast<char**>(argv), environ)
                        : EIO;
  posix_spawn_file_actions_destroy(&actions);
  ::close(fd);
  if (error) return -1;
  int status = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (;;) {
    const pid_t r = ::waitpid(child, &status, WNOHANG);
    if (r == child) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (r < 0 && errno != EINTR) return -1;
    if (std::chrono::steady_clock::now() > deadline) ::kill(child, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace

std::string gnuplot_path() {
  const char* named = std::getenv("PARALLAX_GNUPLOT");
  if (named) return ::access(named, X_OK) == 0 ? named : "";
  return find_program("gnuplot");
}

std::string draw(const Plot& plot, const std::string& stem) {
  if (std::none_of(plot.panels.begin(), plot.panels.end(), has_points)) return "nothing to plot";
  const std::string png =
      "pngcairo size 1400,900 font 'DejaVu Sans,11' fontscale 1.25 linewidth 1.2 background rgb 'white'";
  const std::string svg = "svg size 1000,640 font 'DejaVu Sans,Arial,sans-serif,12' background rgb 'white'";
  const auto keep_script = [&](const std::string& why) {
    write_file(stem + ".gp", script(plot, png, file_name(stem) + ".png"));
    return why + "; " + stem + ".gp holds the data and draws them later (gnuplot " + file_name(stem) + ".gp)";
  };
  const std::string gnuplot = gnuplot_path();
  if (gnuplot.empty()) return keep_script("curves not drawn: gnuplot was not found, install gnuplot-nox");
  for (const std::string ending : {".png", ".svg"}) {
    const std::string& terminal = ending == ".png" ? png : svg;
    bool drawn = false;
    try {
      replace_file(stem + ending, [&](const std::string& temporary) {
        const int code = run_gnuplot(gnuplot, script(plot, terminal, temporary));
        struct stat info {};
        drawn = code == 0 && ::stat(temporary.c_str(), &info) == 0 && info.st_size > 100;
        PLX_CHECK(io, drawn, stem + ending, ": gnuplot failed (code ", code, ")");
      });
    } catch (const Error&) {
      if (drawn) throw;  // the disk, not gnuplot
      return keep_script("curves not drawn: " + gnuplot + " failed");
    }
  }
  return "";
}

}  // namespace parallax
