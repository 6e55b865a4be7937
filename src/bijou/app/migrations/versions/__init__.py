"""One module a change, in order; a landed one is never edited."""
