"""An InfluxDB-compatible authorizations API on a real socket, for tests, demos and play."""
