"""R2 objects: their keys, presigned URLs, and list, head, get, put and delete."""

from storage.environment import generate_presigned_url

__all__ = ["generate_presigned_url"]
