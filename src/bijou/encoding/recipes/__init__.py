"""Recipes: how films are encoded, as data.

A recipe is a TOML file beside this module: an encoder, its pins, its rungs and
what a container may hold. A new codec is a new file. What it is not: it says
nothing of a film, and its parts are not negotiable at run time, for a recipe
on one build of ffmpeg stands for exact bytes.
"""

from bijou.encoding.recipes.engine import engine_id
from bijou.encoding.recipes.recipe import (
    Recipe,
    RungRule,
    SoundRules,
    VideoRules,
    checked_recipes,
    recipe,
    recipe_names,
)

__all__ = [
    "Recipe",
    "RungRule",
    "SoundRules",
    "VideoRules",
    "checked_recipes",
    "engine_id",
    "recipe",
    "recipe_names",
]
