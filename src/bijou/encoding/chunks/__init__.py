"""Chunks: planned while a film is looked through, encoded anywhere, final at once.

What this sub-room is: the plan of a film's chunks, one ffmpeg for one chunk at
one rendition, and the final segments that come out. What it is not: it holds
no queue, stores nothing, and writes no playlist.
"""

from bijou.encoding.chunks.finding import find_chunks
from bijou.encoding.chunks.making import encode_chunk
from bijou.encoding.chunks.model import Chunk, ChunkMade, ChunkWork, PictureSource, picture_source
from bijou.encoding.chunks.planning import ChunkPlanner, ChunkRules, SeenFrame, plan_chunks

__all__ = [
    "Chunk",
    "ChunkMade",
    "ChunkPlanner",
    "ChunkRules",
    "ChunkWork",
    "PictureSource",
    "SeenFrame",
    "encode_chunk",
    "find_chunks",
    "picture_source",
    "plan_chunks",
]
