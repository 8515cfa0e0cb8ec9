"""Reference inertias of k-means for tests/mvc/kmeans_reference_test.cpp: scikit-learn, n_init = 100.

    pip install scikit-learn scipy
    python3 sklearn_inertias.py SHARED/datasets [--export FOLDER]

Each view is scaled column by column to [0, 1] in double (constant columns become 0), the views are put side by side in
file order, and KMeans runs with its defaults apart from n_clusters and n_init. Prints the rows of sklearn_inertias.md.
"""
import sys

import numpy as np
import scipy.io
import sklearn
from sklearn.cluster import KMeans

SETS = {"MSRCV1": 7, "Synthetic3d": 3, "Digits-2V": 10, "Wikipedia": 10, "NGs": 5}


def minmax(x):
    low, span = x.min(0), x.max(0) - x.min(0)
    return (x - low) / np.where(span > 0, span, 1.0)


def concatenated(path):
    mat = scipy.io.loadmat(path)
    n = mat["Y"].size
    views = [v.toarray() if hasattr(v, "toarray") else v for v in mat["X"].ravel()]
    views = [np.asarray(v, np.float64) if v.shape[0] == n else np.asarray(v, np.float64).T for v in views]
    return np.hstack([minmax(v) for v in views])


if __name__ == "__main__":
    folder, export = sys.argv[1], sys.argv[3] if "--export" in sys.argv else None
    print("scikit-learn", sklearn.__version__)
    for name, k in SETS.items():
        x = concatenated(f"{folder}/{name}.mat")
        best = [KMeans(k, n_init=100, random_state=seed).fit(x) for seed in range(3)]
        print(f"| {name} | {x.shape[0]} | {x.shape[1]} | {k} | {min(b.inertia_ for b in best):.10f} | "
              f"{max(b.inertia_ for b in best):.10f} |", flush=True)
        if export:
            np.concatenate([[x.shape[0], x.shape[1], k], x.ravel()]).tofile(f"{export}/{name}.f64")
