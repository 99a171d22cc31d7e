"""Reading a request: which texts it holds and what is sensitive in them."""
