"""From YAML files to a Manifest."""
