"""A local D-ID: a second, independent reading of D-ID's documents, with a drawn, talking face."""
