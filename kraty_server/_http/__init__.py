"""How does a request get out, and an answer in? Senders, connections and their deadlines, over httpx or aiohttp."""
