"""Apache Spark: shares the tasks of `prepare`, and lists of users, among machines."""
