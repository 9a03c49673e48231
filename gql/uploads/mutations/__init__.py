"""The mutations of uploads, one a file."""

import strawberry

from gql.uploads.mutations.abort_multipart_upload import abort_multipart_upload
from gql.uploads.mutations.complete_multipart_upload import complete_multipart_upload
from gql.uploads.mutations.create_multipart_upload import create_multipart_upload
from gql.uploads.mutations.create_upload_part_urls import create_upload_part_urls
from gql.uploads.mutations.create_upload_urls import create_upload_urls


@strawberry.type
class UploadMutations:
    """The root fields that begin and end uploads."""

    create_upload_urls = create_upload_urls
    create_multipart_upload = create_multipart_upload
    create_upload_part_urls = create_upload_part_urls
    complete_multipart_upload = complete_multipart_upload
    abort_multipart_upload = abort_multipart_upload
