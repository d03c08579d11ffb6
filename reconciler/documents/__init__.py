"""What is kept in files and shown in JSON: plans and journals, values ⇄ documents of schemas/."""
