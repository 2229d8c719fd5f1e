"""Commands that run a recommender from day to day, and by several processes."""
