"""What can be fetched: one module per source, one line per name."""

from recipes.problem import Problem
from recipes import (
    brown, chinese, conversations, digits, models, names, packages, regression, solar, tweets,
)

__all__ = ["RECIPES", "Problem"]

RECIPES = {
    "multi_mnist": digits.MultiMnist,
    "fashion_mnist": digits.FashionMnist,
    "multi_fashion": digits.MultiFashion,
    "chinese_reviews": chinese.Reviews,
    "chinese_language": chinese.Language,
    "tweets": tweets.Tweets,
    "brown": brown.Brown,
    "names": names.Names,
    "packages": packages.Packages,
    "conversations": conversations.Conversations,
    "models": models.Models,
    "regression": regression.Regression,
    "solar_cells": solar.SolarCells,
}
