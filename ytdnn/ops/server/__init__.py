"""`ytdnn serve`: serves a bundle over HTTP, with an inspector page (DESIGN §8)."""
