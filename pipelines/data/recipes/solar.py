"""Pictures of solar cells: whether a cell is defective, and what it is made of."""

from recipes.archive import Wheel
from recipes.client import Package
from recipes.place import part
from recipes.problem import Problem

ELPV = Package(
    "pip",
    "elpv-dataset",
    "1.0.0.post1",
    "elpv_dataset-1.0.0.post1-py3-none-any.whl",
    "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c",
)
SOURCE = "elpv_dataset/data"
# An expert's probability of a defect, in the four steps that are used.
STEPS = {"0.0": 0, "0.3333333333333333": 1, "0.6666666666666666": 2, "1.0": 3}


class SolarCells:
    SUMMARY = "pictures of solar cells in electroluminescence: defective or not, mono- or polycrystalline"
    PACKAGES = [ELPV]
    ROWS = {"cells.csv": 2_624}

    @staticmethod
    def prepare(_, files, out):
        wheel = Wheel(files[0])
        rows = [line.split() for line in wheel.read(f"{SOURCE}/labels.csv").decode("utf-8").splitlines()]
        lines = ["file,defect,defective,type,part"]
        for number, row in enumerate(rows, 1):
            if len(row) != 3 or row[1] not in STEPS or row[2] not in ("mono", "poly"):
                raise Problem(f"labels.csv: row {number} is {row}, expected a file, a probability and mono or poly")
            name, step = row[0].removeprefix("images/"), STEPS[row[1]]
            out.file(f"images/{name}", wheel.read(f"{SOURCE}/images/{name}"))
            lines.append(f"{name},{step},{'yes' if step >= 2 else 'no'},{row[2]},{part(name)}")
        out.text("cells.csv", len(rows), "\n".join(lines) + "\n")
