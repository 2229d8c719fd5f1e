"""`ytdnn serve`: a bundle as a service, and a page that shows it (DESIGN §8)."""
