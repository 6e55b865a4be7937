"""Uploads: bytes come in, an encode job goes out.

It counts and keeps bytes, all of them or none. What is in them it leaves to
encoding, which looks at strangers' files in a confined child.
"""

from bijou.ingest.api import Ingest, NewUpload, Upload, UploadState

__all__ = ["Ingest", "NewUpload", "Upload", "UploadState"]
