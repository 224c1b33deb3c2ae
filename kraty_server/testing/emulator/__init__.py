"""The emulated server, without sockets: contract, state, ledger, time, faults and webhooks."""
