// A program of somebody else: loads a data set, trains, writes and counts the labels.
#include <parallax/parallax.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const parallax::MultiView data = parallax::load(argv[1]);
  parallax::Context ctx({.seed = 7, .threads = 2});
  parallax::FitOptions options;
  options.method = "sparsemvc";
  options.set = {{"pre_epochs", "2"}, {"con_epochs", "2"}};
  options.set.push_back({"encoder_hidden", "[64,64,128]"});  // a small network: done in a second
  options.set.push_back({"decoder_hidden", "[128,64,64]"});
  options.restarts = 3;
  const parallax::FitResult result = parallax::fit(options, data, ctx);
  parallax::write_npy("labels.npy", result.labels);
  std::printf("%zu labels, %d clusters\n", result.labels.size(), result.model.spec.clusters);
}
