"""What runs a page's cells: in the page itself, and where the pages are built."""
