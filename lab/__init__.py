"""The training apparatus of the book: texts, presets, the trainer, runs and the command line.

What chapters teach is in `nwp`; here is what reads, trains, stores and commands. Chapter 8, the
benchmarks and ``python -m lab`` use it, and nothing in `nwp` does.
"""
