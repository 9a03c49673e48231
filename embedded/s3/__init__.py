"""An S3 server that behaves like Cloudflare R2: plain files in a folder, and one SQLite file beside them."""
