"""How fresh audiences are, and what that costs: delta intervals and layouts of bitmaps."""
