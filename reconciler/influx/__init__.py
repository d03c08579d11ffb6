"""The HTTP edge: reads an InfluxDB v2 server's answers as core values, and sends a change as one PATCH."""
