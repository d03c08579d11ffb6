"""GitOps for InfluxDB v2 API tokens: plans what a manifest would change, and sends that once it is reviewed."""

__version__ = "0.1.0"
