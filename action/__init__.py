"""What the GitHub Action does beside running tokenctl: standard library only, and apart from the package.

`python -I action VERB` runs one step of an action; each verb's module says what it reads and what it leaves.
"""
