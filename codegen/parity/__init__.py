"""Do this SDK and the Node SDK do the same? By requests that were recorded, or by the Node SDK itself."""
