// parallax: dispatches on its first word.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include <parallax/mvc/run.h>
#include <parallax/mvc/visitor.h>

#include "cli.h"

namespace {
struct Command {
  const char* name;
  int (*run)(int, char**);
  const char* help;
};
const Command commands[] = {
    {"train", parallax::cli::train, "train a method on a data set, cluster, score, write a run folder"},
    {"classify", parallax::cli::classify, "the supervised protocol of a method that has one"},
    {"predict", parallax::cli::predict, "labels, confidences and embedding of new samples"},
    {"kmeans", parallax::cli::kmeans, "k-means alone, no network"},
    {"ncuts", parallax::cli::ncuts, "normalised cuts alone, no network"},
    {"eval", parallax::cli::eval, "all metrics of one labelling"},
    {"inspect", parallax::cli::inspect, "what the loader understood of a file"},
    {"corrupt", parallax::cli::corrupt, "write corrupted data and its masks"},
    {"info", parallax::cli::info, "version, build, devices, methods"},
};

void usage(FILE* to) {
  std::fprintf(to, "parallax %s: deep multi-view clustering\n\nusage: parallax COMMAND [options]\n\n",
               parallax::version_text().c_str());
  for (const Command& c : commands) std::fprintf(to, "  %-10s %s\n", c.name, c.help);
  std::fprintf(to, "\nparallax COMMAND --help shows the options of a command.\n");
}
// Results that could not be written are a failure, even where the work was done.
int finish(const std::string& word, int code) {
  const bool lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (!lost || errno == EPIPE) return code;  // who closed the pipe has read enough
  std::fprintf(stderr, "parallax %s: cannot write to standard output: %s\n", word.c_str(), std::strerror(errno));
  return code ? code : 1;
}
}  // namespace

int main(int argc, char** argv) {
  using namespace parallax;
  if (argc < 2) {
    usage(stderr);
    return 2;
  }
  const std::string word = argv[1];
  if (word == "--version") {
    std::printf("parallax %s%s%s\n", version_text().c_str(), version_commit().empty() ? "" : " ",
                version_commit().c_str());
    return 0;
  }
  if (word == "--help" || word == "-h" || word == "help") {
    usage(stdout);
    return 0;
  }
  try {
    for (const Command& c : commands)
      if (word == c.name) return finish(word, c.run(argc - 1, argv + 1));
    std::vector<std::string> known;
    for (const Command& c : commands) known.push_back(c.name);
    const std::string near = nearest(word, known);
    std::fprintf(stderr, "parallax: no command '%s'%s\n", word.c_str(),
                 near.empty() ? " (parallax --help)" : (", did you mean '" + near + "'?").c_str());
    return 2;
  } catch (const Error& e) {
    std::fprintf(stderr, "parallax %s: %s\n", word.c_str(), sentence_of(e).c_str());
    return e.kind == ErrorKind::interrupted && cli::stop_signal ? 128 + cli::stop_signal : exit_code_of(e.kind);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "parallax %s: out of memory\n", word.c_str());
    return 5;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "parallax %s: %s\n", word.c_str(), e.what());
    return 1;
  }
}
