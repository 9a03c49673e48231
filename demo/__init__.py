"""The demo bucket: three small videos' clips, laid out as a user's own bucket is (see docs/architecture.md)."""

from pathlib import Path

BUCKET = Path(__file__).parent / "bucket"
"""What `clipgraph import` reads at the first start: `{uid}/{video_id}/highlights.json` and `clips/` below it."""

USER_ID = "demo"
"""The one user in the demo bucket."""
