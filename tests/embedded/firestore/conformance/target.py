"""Which server the rows are held against.

FIRESTORE_EMULATOR_HOST names one that runs already; without it, an embedded one is started for the session. Where the
one that runs is Google's emulator, CLIPGRAPH_CONFORMANCE_TARGET=google-emulator skips the rows on which it is known to
differ from production, and takes its wording of refusals as it is.
"""

import os

FOREIGN_HOST = os.environ.get("FIRESTORE_EMULATOR_HOST")
IS_GOOGLES_EMULATOR = os.environ.get("CLIPGRAPH_CONFORMANCE_TARGET") == "google-emulator"
