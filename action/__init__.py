"""What the GitHub Action does beside running tokenctl: standard library only, and apart from the package.

`python -I action VERB` runs one step of an action; `verbs` says what each reads and what it leaves.
"""
