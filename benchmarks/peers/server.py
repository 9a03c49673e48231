"""How a peer in Python serves: as `clipgraph serve` does, one uvicorn process on a free port that it prints."""

import os
import socket
from typing import TYPE_CHECKING

import boto3
import uvicorn
from botocore.config import Config
from starlette.types import ASGIApp

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def serve(app: ASGIApp) -> None:
    """Serves until the process is ended."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    print(f"listens at http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


def create_s3_client() -> tuple["S3Client", str]:
    """The client that the environment describes, and the bucket."""
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=os.environ["CLIPGRAPH_R2_ENDPOINT_URL"],
        aws_access_key_id=os.environ["CLIPGRAPH_R2_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["CLIPGRAPH_R2_SECRET_ACCESS_KEY"],
        region_name="auto",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, max_pool_connections=32),
    )
    return client, os.environ["CLIPGRAPH_R2_BUCKET"]
