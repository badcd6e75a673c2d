"""The processor of a measurement, printed by every benchmark, since speeds depend on it."""

import os
import platform
import pathlib

WIDE = ["avx512f", "avx512_bf16", "amx_tile", "avx2", "fma", "asimd", "sve"]
CHOICES = ["MTL_SIMD", "MTL_KERNELS", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"]


def processor():
    """For example `AMD EPYC, 2 cores, avx2 fma`, and environment variables that affect the libraries."""
    name, features = platform.processor() or platform.machine(), []
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        fields = [line.split(":", 1) for line in info.read_text().splitlines() if ":" in line]
        known = {key.strip(): value.strip() for key, value in fields}
        name = known.get("model name", name)
        features = known.get("flags", known.get("Features", "")).split()
    wide = " ".join(word for word in WIDE if word in features) or "no wide instructions known"
    asked = [f"{word}={os.environ[word]}" for word in CHOICES if word in os.environ]
    return ", ".join([name, f"{os.cpu_count()} cores", wide] + asked)
