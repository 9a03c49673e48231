"""R2 objects: their keys, presigned URLs, and list, head, get, put and delete."""
