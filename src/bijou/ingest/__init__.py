"""Uploads: bytes come in, an encode job goes out.

It counts and keeps bytes: those of a resumable upload (tus 1.0) as they come,
so that either end may be killed at any moment and the rest goes on from there;
those of a plain PUT all or none. A file whose first bytes are those of no film
is refused as soon as they are here; the rest of what is in it is left to
encoding, which looks at strangers' files in a confined child.
"""

from bijou.ingest.api import Checksum, Ingest, NewUpload, Upload, UploadState

__all__ = ["Checksum", "Ingest", "NewUpload", "Upload", "UploadState"]
