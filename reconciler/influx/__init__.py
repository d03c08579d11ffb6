"""The HTTP edge: an InfluxDB v2 server's answers in, core values out; core values in, one PATCH out."""
