"""Nouns that all of lite-ensam speaks in: grid, line, case, parts of volumes, errors. No file, no network, no torch."""
