"""The files of posts: rows, stored bytes, types, and who has read them."""
