"""See it work at once: on the built-in phantom, or on four real lung tumours fetched by package name."""

from lite_ensam.demo.real import real_cases, run_real_demo
from lite_ensam.demo.record import DemoRecord, DemoTumor, segmenter_of
from lite_ensam.demo.synthetic import run_demo

__all__ = ["DemoRecord", "DemoTumor", "real_cases", "run_demo", "run_real_demo", "segmenter_of"]
