"""The apparatus of the book: figures, texts, presets, the trainer, runs and the command line.

What chapters teach is in `nwp`; here is what draws, reads, trains, stores and commands. Chapters,
benchmarks and ``python -m lab`` use it, and nothing in `nwp` does.
"""
