"""Prepares a log on Apache Spark: the same files as Polars makes, to the byte."""
