"""What the tabs of the page show, a module for each."""
