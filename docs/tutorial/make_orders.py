"""Writes orders.csv, 6,000 orders of an imaginary web shop, and new_orders.csv, 5 orders without labels.

The same numbers on every machine. What makes a delivery slow also makes a rating low and a return likely,
so the three labels have something in common. Ratings are rare: most customers give none.
"""

import csv
import math
import random

draw = random.Random(1)
CATEGORIES = ["books", "clothes", "garden", "kitchen", "phones", "shoes", "toys"]
CARRIERS = {"blue": 0.0, "green": 1.6, "red": 3.2}
INPUTS = ["category", "carrier", "weekday", "express", "price", "weight_kg", "distance_km"]
LABELS = ["returned", "rating", "hours"]


def order():
    category, carrier = draw.choice(CATEGORIES), draw.choice(list(CARRIERS))
    weekday = draw.choice(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
    express = draw.random() < 0.25
    price = round(math.exp(draw.gauss(3.3, 0.8)), 2)
    weight = round(math.exp(draw.gauss(0.3, 0.9)), 2)
    distance = round(draw.uniform(5, 900))

    # What goes wrong on the way: it shows in all three labels.
    trouble = 1.0 + math.sin(distance / 150 + CARRIERS[carrier]) + 0.4 * math.log1p(weight) - 0.9 * express
    trouble += 0.8 * (weekday in ("Fri", "Sat")) * (distance > 400)

    hours = max(6, round(40 + distance / 15 + 28 * trouble + draw.gauss(0, 14)))
    rating = min(5, max(1, round(5.2 - 1.1 * trouble - 0.1 * math.log(price) + draw.gauss(0, 0.5))))
    fits_badly = 1.2 * (category in ("clothes", "shoes"))
    returned = draw.random() < 1 / (1 + math.exp(3.2 - 1.4 * trouble - fits_badly))
    return {
        "category": category, "carrier": carrier, "weekday": weekday, "express": "yes" if express else "no",
        "price": price, "weight_kg": "" if draw.random() < 0.08 else weight, "distance_km": distance,
        "returned": "yes" if returned else "no",
        "rating": "" if draw.random() < 0.85 else rating,
        "hours": "" if draw.random() < 0.2 else hours,
    }


def write(path, columns, count):
    with open(path, "w", newline="") as file:
        rows = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        rows.writeheader()
        rows.writerows(order() for _ in range(count))


write("orders.csv", INPUTS + LABELS, 6000)
write("new_orders.csv", INPUTS, 5)
