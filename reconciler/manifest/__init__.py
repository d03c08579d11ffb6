"""YAML files in, a Manifest out."""
