"""The promises where other libraries and the environment come in, held with the real libraries."""
