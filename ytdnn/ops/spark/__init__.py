"""Prepares a log on Apache Spark: the files equal those of Polars, to the byte."""
