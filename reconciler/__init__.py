"""GitOps for InfluxDB v2 API tokens: a manifest in, reviewed PATCH operations out."""

__version__ = "0.1.0"
