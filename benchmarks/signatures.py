"""The cost of a presigned URL: clipgraph's signer beside boto3's, in one process. `python -m benchmarks.signatures`."""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from boto3.session import Session
from botocore.config import Config

from storage.r2 import R2Storage

ENDPOINT_URL, BUCKET, TOKEN = "http://127.0.0.1:9000", "clips", ("AKIAIOSFODNN7EXAMPLE", "not-a-secret")
ROUNDS = 15
URLS_A_ROUND = 2_000
BOTO3_URLS_A_ROUND = 100
# A page's keys: no two of them are the same.
KEYS = [
    f"demo/v{number % 20:03}/clips/clip_{number:02}_{number:02}_moment-{number}_intelligent_split.mp4"
    for number in range(URLS_A_ROUND)
]


@dataclass(frozen=True)
class SigningTimes:
    """Microseconds a URL: medians of the rounds."""

    clipgraph_us: float
    boto3_us: float

    @property
    def ratio(self) -> float:
        """How many of ours fit into one of boto3's."""
        return self.boto3_us / self.clipgraph_us


def measure() -> SigningTimes:
    """Both, in turns."""
    client = Session().client(
        "s3",
        endpoint_url=ENDPOINT_URL,
        region_name="auto",
        aws_access_key_id=TOKEN[0],
        aws_secret_access_key=TOKEN[1],
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )

    def sign_with_boto3(key: str) -> object:
        return client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=3600)

    sign_with_boto3(KEYS[0])
    rounds = [
        # A new storage has signed nothing before: one that has would only look its URLs up.
        (
            _time(R2Storage(ENDPOINT_URL, BUCKET, *TOKEN).presign_get, KEYS),
            _time(sign_with_boto3, KEYS[:BOTO3_URLS_A_ROUND]),
        )
        for _ in range(ROUNDS)
    ]
    own, peers = zip(*rounds, strict=True)
    return SigningTimes(statistics.median(own), statistics.median(peers))


def _time(sign: Callable[[str], object], keys: list[str]) -> float:
    """Microseconds of processor time a key."""
    began_at = time.process_time()
    for key in keys:
        sign(key)
    return (time.process_time() - began_at) / len(keys) * 1e6


def main() -> int:
    """Measures and prints."""
    times = measure()
    print("| a presigned URL | µs |\n| --- | ---: |")
    print(f"| clipgraph | {times.clipgraph_us:.2f} |\n| boto3 | {times.boto3_us:.1f} |\n| ratio | {times.ratio:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
