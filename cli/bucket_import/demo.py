"""The demo bucket, imported as a user's own bucket would be."""

from rich.console import Console
from rich.progress import Progress

import demo
from cli.bucket_import.report import Report
from cli.bucket_import.sources import FolderSource
from cli.bucket_import.writer import Importer
from gql.app import create_services
from settings import Settings


async def import_demo(settings: Settings) -> Report:
    """The demo's videos and clips are in the Firestore and R2 that `settings` lead to."""
    services = create_services(settings)
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            return await Importer(services, FolderSource(demo.BUCKET), progress).run()
    finally:
        await services.close()
